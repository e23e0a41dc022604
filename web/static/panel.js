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
  const weekday = new Intl.DateTimeFormat(tongue, { weekday: "long" });
  for (const time of root.querySelectorAll("time[data-here]")) {
    const moment = new Date(time.dateTime);
    const own = wall(moment);
    const shown = [time, ...time.parentElement.querySelectorAll(".here[data-zone]")];
    if (shown.some((each) => wall(moment, each.dataset.zone) === own)) continue;
    if (time.nextElementSibling?.classList.contains("own-time")) continue;
    const sameDay = own.startsWith(wall(moment, time.dataset.zone).split(" ")[0]);
    const sentence = sameDay ? time.dataset.here : time.dataset.hereOn;
    const here = sentence.replace("{weekday}", weekday.format(moment)).replace("{time}", clock.format(moment));
    const words = document.createElement("span");
    words.className = "here own-time";
    words.textContent = ` (${here})`;
    time.after(words);
  }
}

// Day and hour by the clocks of a zone, or of this device, to be compared; a zone too new for this browser is UTC's.
function wall(moment, timeZone) {
  const parts = { dateStyle: "short", timeStyle: "short", hourCycle: "h23", numberingSystem: "latn" };
  try {
    return new Intl.DateTimeFormat("sv-SE", { ...parts, timeZone }).format(moment);
  } catch {
    return new Intl.DateTimeFormat("sv-SE", { ...parts, timeZone: "UTC" }).format(moment);
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
