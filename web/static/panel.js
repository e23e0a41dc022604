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
function sayLocalTimes(root) {
  for (const time of root.querySelectorAll("time[data-here]")) {
    const here = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
      .format(new Date(time.dateTime));
    if (time.textContent.includes(here)) continue;
    const words = document.createElement("span");
    words.className = "here";
    words.textContent = ` (${time.dataset.here.replace("{time}", here)})`;
    time.after(words);
  }
}
sayLocalTimes(document);

// While the room catches up, look again by ourselves, ever more slowly and not for ever. Only what the bot changes is
// exchanged, so that nothing typed is lost and no focus jumps.
const PARTS = ["room", "members"];

function catchingUp() {
  return document.getElementById("room")?.dataset.state === "catching_up" || document.querySelector(".standing.invited");
}

// A page that knows how long things will take is asked for seldom, and as long as they do.
function paced() {
  return Number(document.querySelector("#room [data-again]")?.dataset.again ?? 0) * 1000;
}

function lookAgain(wait) {
  if (!paced() && (!catchingUp() || wait > 60_000)) return;
  if (paced()) wait = Math.min(Math.max(wait, paced()), 60_000);
  setTimeout(() => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document";
    request.onload = () => {
      if (request.status === 200 && request.responseXML) exchange(request.responseXML);
      lookAgain(wait * 1.3);
    };
    request.onerror = () => lookAgain(wait * 1.3);
    request.send();
  }, wait);
}

function exchange(page) {
  for (const id of PARTS) {
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!old || !fresh || old.contains(document.activeElement) || old.textContent === fresh.textContent) continue;
    old.dataset.state = fresh.dataset.state ?? "";
    for (const each of fresh.querySelectorAll("details[id]")) each.open = document.getElementById(each.id)?.open ?? false;
    old.replaceChildren(...fresh.childNodes);
  }
}
lookAgain(1_500);
