// Small comforts. Every page works without them.

// Leave quickly: away at once, with no entry in the history; the sign-in ends behind our back.
const leaving = document.getElementById("leave");
leaving?.addEventListener("submit", (event) => {
  event.preventDefault();
  fetch(leaving.action, { method: "POST", body: new URLSearchParams(new FormData(leaving)), keepalive: true });
  document.body.hidden = true;
  location.replace(leaving.dataset.to);
});

// By keyboard: Escape twice within half a second. Within a field once more, since Escape closes what a field unfolds;
// never while a script is composed (Japanese, for example), nor by a key that is held down.
let escapes = [];
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.repeat || event.isComposing) {
    if (!event.repeat) escapes = [];
    return;
  }
  escapes = [...escapes.filter((at) => event.timeStamp - at < 500), event.timeStamp];
  const field = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (leaving && escapes.length > (field ? 2 : 1)) leaving.requestSubmit();
});

// Times are shown where the group is; whoever is elsewhere sees their own beside it.
export function sayLocalTimes(root) {
  const tongue = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(tongue, { timeStyle: "short", numberingSystem: "latn" });
  for (const time of root.querySelectorAll("time[data-here]")) {
    const here = clock.format(new Date(time.dateTime)).replace(/\s/g, " ");
    if (time.parentElement.textContent.replace(/\s/g, " ").includes(here)) continue;
    const words = document.createElement("span");
    words.className = "here";
    words.textContent = ` (${time.dataset.here.replace("{time}", here)})`;
    time.after(words);
  }
}
sayLocalTimes(document);

// What is shown once can be copied by one press; without this it is selected and copied by hand.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  const shown = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(shown.value ?? shown.textContent);
    button.textContent = button.dataset.done;
  });
}
