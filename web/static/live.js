// A page that is looked at follows what happens. The server says only that something has changed; the page is then asked
// for again, and its parts marked data-live are exchanged: never one in which somebody is, or has typed.
import { sayLocalTimes } from "./panel.js";

const EVERY = 15_000;
const page = document.querySelector("[data-live]")?.dataset.live;
let source, waiting, enough, gone, opened = -EVERY;

function follow() {
  if (!page || source || enough || document.hidden || performance.now() - opened < EVERY) return;
  opened = performance.now();
  source = new EventSource(`/events?page=${encodeURIComponent(page)}`);
  source.addEventListener("changed", look);
  source.addEventListener("over", () => { leave(); enough = true; });
  source.addEventListener("error", refused);
}

// One that the server would not open stays closed. Then we ask by ourselves, and try again later; one that it has ended
// (too many are open) comes back once somebody looks here again.
function refused() {
  if (source?.readyState === EventSource.CLOSED) leave();
}

function leave() {
  source?.close();
  source = undefined;
}

// As a document, since strings are not made into pages here. What asks by itself keeps no sign-in alive.
function look() {
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.setRequestHeader("Hearth-By-Itself", "1");
  request.responseType = "document";
  request.onload = () => {
    gone = request.status >= 400 && request.status < 500;
    if (request.status === 200 && request.responseXML) exchange(request.responseXML);
  };
  request.send();
}

function exchange(fresh) {
  let changed = false;
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (!now || words(old) === words(now)) continue;
    if (inUse(old)) { waiting = true; continue; }
    for (const each of now.querySelectorAll("details[id]")) each.open = document.getElementById(each.id)?.open ?? false;
    if (now.dataset.state) old.dataset.state = now.dataset.state;
    old.replaceChildren(...now.childNodes);
    sayLocalTimes(old);
    changed = true;
  }
  const said = document.getElementById("live-said");
  if (changed && said) said.textContent = said.dataset.said;
}

function words(part) {
  const copy = part.cloneNode(true);
  for (const each of copy.querySelectorAll(".here")) each.remove();
  return copy.textContent.replace(/\s+/g, " ");
}

function inUse(part) {
  const typed = [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((each) => each.value !== each.defaultValue);
  return typed || part.contains(document.activeElement);
}

// What could not be exchanged is, once nobody is in it any more.
addEventListener("focusout", () => { if (waiting) { waiting = false; setTimeout(look); } });
addEventListener("visibilitychange", () => { if (document.hidden) leave(); else if (page) { enough = false; look(); follow(); } });
addEventListener("pagehide", leave);
addEventListener("pageshow", follow);

// A place in a line moves without anything having changed; and where nobody tells us, we ask, no faster.
setInterval(() => {
  if (!page || gone || document.hidden) return;
  if (!source || document.querySelector("[data-live] [data-again]")) look();
  follow();
}, EVERY);
follow();
