// What htmx can't know about our pages: when not to disturb a reader, and what to say when the server is silent.
"use strict";

const connection = document.querySelector("[data-connection]");

function say(text) {
  // Written only when it changes, so that screen readers speak once.
  if (connection && connection.textContent !== text) connection.textContent = text;
}

function isBeingRead(region) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && region.contains(selection.anchorNode));
}

function isLive(element) {
  return element instanceof Element && element.hasAttribute("data-live");
}

function focusable(region) {
  return [...region.querySelectorAll("a[href], button, summary, input, select, textarea, [tabindex]")];
}

// What an element is to its reader: a button that came into another's place is another one, however it is counted.
function meaning(element) {
  const form = element.closest("form");
  return [element.tagName, element.name ?? "", element.getAttribute("href") ?? form?.getAttribute("action") ?? "",
    element.matches("input, select, textarea") ? "" : element.textContent.trim()].join("|");
}

function isChanged(field) {
  if (field.type === "hidden") return false;
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (field.matches("select")) return field.value !== (field.querySelector("option[selected]") ?? field.options[0])?.value;
  return field.value !== field.defaultValue;
}

function isFilledIn() {
  return [...document.querySelectorAll("main input, main textarea, main select")].some(isChanged);
}

const places = new WeakMap(); // region → what is put back after it was replaced

function remember(region) {
  const active = document.activeElement;
  places.set(region, {
    focus: region.contains(active) ? focusable(region).indexOf(active) : -1,
    was: region.contains(active) ? meaning(active) : "",
    sideways: [...region.querySelectorAll(".scroll")].map((box) => box.scrollLeft),
    open: [...region.querySelectorAll("details")].map((one) => one.open),
  });
}

// `old`: what was remembered; `region`: what stands there now, another element where the whole of it was replaced.
function putBack(old, region) {
  const place = places.get(old);
  if (!place) return;
  places.delete(old);
  region.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = place.sideways[i] || 0; });
  region.querySelectorAll("details").forEach((one, i) => { if (place.open[i]) one.open = true; });
  if (place.focus < 0) return;
  // Never to what only stands where it stood: a key that is being pressed would do something else.
  const same = focusable(region).filter((one) => meaning(one) === place.was);
  const nearest = same.includes(focusable(region)[place.focus]) ? focusable(region)[place.focus] : same[0];
  if (!nearest) region.tabIndex = -1;
  (nearest ?? region).focus({ preventScroll: true });
}

// A live part is not fetched while nobody looks, and not replaced under a selection or while its form is filled in.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (isLive(event.target) && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!isLive(region)) return;
  const html = event.detail.serverResponse;
  const isTyping = region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  if (region.dataset.seen === html || isBeingRead(region) || isTyping) {
    event.detail.shouldSwap = false;
    return;
  }
  places.delete(region);
  remember(region);
  region.dataset.seen = html;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const old = event.detail.target;
  if (isLive(old)) putBack(old, old.isConnected ? old : event.target);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const status = event.detail.xhr?.status ?? 0;
  if (event.target instanceof Element && event.target.matches("input[list]")) {
    return; // it was only to help with what is being typed, which a reload would take away
  }
  if (status === 401 || status === 403) {
    // Logged out, or no longer allowed: the page itself says so; but what somebody has typed stays.
    if (isFilledIn()) say(connection ? connection.dataset.out : "");
    else window.location.reload();
  } else if (status === 0 || status >= 500) {
    say(connection ? connection.dataset.lost : "");
  } else {
    say("");
  }
});

// [data-countdown]: seconds left until its datetime, written every second.
function tick() {
  document.querySelectorAll("time[data-countdown]").forEach((element) => {
    const left = Math.max(0, Math.round((Date.parse(element.dateTime) - Date.now()) / 1000));
    const minutes = String(Math.floor(left / 60)).padStart(2, "0");
    element.textContent = `${minutes}:${String(left % 60).padStart(2, "0")}`;
  });
}
setInterval(tick, 1000);
document.addEventListener("htmx:afterSwap", tick); // what just came in must not show anything else for a second
tick();

// "/" goes to the search box, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]")) return;
  const box = document.querySelector("[data-search]");
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});
