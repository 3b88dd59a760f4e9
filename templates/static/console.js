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

const places = new WeakMap(); // region → what is put back after it was replaced

function remember(region) {
  const active = document.activeElement;
  places.set(region, {
    focus: region.contains(active) ? focusable(region).indexOf(active) : -1,
    sideways: [...region.querySelectorAll(".scroll")].map((box) => box.scrollLeft),
    open: [...region.querySelectorAll("details")].map((one) => one.open),
  });
}

function putBack(region) {
  const place = places.get(region);
  if (!place) return;
  places.delete(region);
  region.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = place.sideways[i] || 0; });
  region.querySelectorAll("details").forEach((one, i) => { if (place.open[i]) one.open = true; });
  if (place.focus >= 0) focusable(region)[place.focus]?.focus({ preventScroll: true });
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

document.addEventListener("htmx:afterSwap", (event) => { if (isLive(event.detail.target)) putBack(event.detail.target); });

document.addEventListener("htmx:afterRequest", (event) => {
  const status = event.detail.xhr?.status ?? 0;
  if (event.target instanceof Element && event.target.matches("input[list]")) {
    return; // it was only to help with what is being typed, which a reload would take away
  }
  if (status === 401 || status === 403) {
    window.location.reload(); // logged out, or no longer allowed: the page itself says so
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
