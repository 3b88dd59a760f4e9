// Keeps every [data-live] part of a page fresh: its address is fetched again every few seconds, and the part is replaced
// when something changed. Waits while the page is hidden or text in the part is selected; keeps focus and scrolling.
"use strict";

const PAUSE = 3000;
const LONGEST_PAUSE = 30000;

const connection = document.querySelector("[data-connection]");

function say(text) {
  // Written only when it changes, so that screen readers speak once.
  if (connection && connection.textContent !== text) connection.textContent = text;
}

function isBeingRead(region) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && region.contains(selection.anchorNode));
}

function placeOf(element, region) {
  const alike = [...region.querySelectorAll("a[href], [tabindex]")];
  return alike.indexOf(element);
}

function replace(region, html) {
  const active = document.activeElement;
  const place = region.contains(active) ? placeOf(active, region) : -1;
  const sideways = [...region.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  region.innerHTML = html;
  region.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = sideways[i] || 0; });
  if (place >= 0) {
    const again = region.querySelectorAll("a[href], [tabindex]")[place];
    if (again) again.focus({ preventScroll: true });
  }
}

async function refresh(region, state) {
  const answer = await fetch(region.dataset.live, { credentials: "same-origin", redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect" || answer.status === 403) {
    window.location.reload(); // logged out, or no longer allowed: the page itself says so
    state.isOver = true;
    return;
  }
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const html = await answer.text();
  if (html !== state.html && !isBeingRead(region)) {
    if (state.html !== null || region.innerHTML !== html) replace(region, html);
    state.html = html;
  }
}

async function keepFresh(region) {
  const state = { html: null, isOver: false };
  let pause = PAUSE;
  while (!state.isOver) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden) continue;
    try {
      await refresh(region, state);
      pause = PAUSE;
      say("");
    } catch {
      pause = Math.min(pause * 2, LONGEST_PAUSE);
      say(connection ? connection.dataset.lost : "");
    }
  }
}

document.querySelectorAll("[data-live]").forEach((region) => { keepFresh(region); });
