// Templates: a preview that follows the text, line numbers that follow its lines, and a text that isn't lost.
// Everything works without this file, by its buttons.
"use strict";

// A frame that is new replaces nothing in the history: going back leaves the page, and doesn't leaf through previews.
let shown = 0;

function show(panel) {
  const button = panel.querySelector("[data-show]");
  const frames = panel.querySelector(".frames");
  const fresh = frames.querySelector("iframe").cloneNode(false);
  fresh.removeAttribute("src");
  fresh.name = `preview-frame-${shown += 1}`;
  fresh.classList.add("coming");
  frames.querySelectorAll("iframe.coming").forEach((late) => late.remove());
  frames.append(fresh);
  fresh.addEventListener("load", () => {
    fresh.classList.remove("coming");
    frames.querySelectorAll("iframe").forEach((one) => { if (one !== fresh) one.remove(); });
  });
  if (button.hasAttribute("formtarget")) button.formTarget = fresh.name;
  else button.form.target = fresh.name;
  isShowing = true;
  button.form.requestSubmit(button);
  isShowing = false;
}

let isShowing = false;
const panel = document.querySelector("[data-preview]");

if (panel) {
  const form = panel.querySelector("[data-show]").form;
  panel.addEventListener("change", () => show(panel));
  form.addEventListener("submit", (event) => {
    if (isShowing || !event.submitter || !event.submitter.hasAttribute("data-show")) return;
    event.preventDefault(); // its own button: the same way
    show(panel);
  });
}

const editor = document.querySelector("form[data-editor]");

if (editor) {
  const text = editor.querySelector("textarea");
  const note = editor.querySelector("[name=note]");
  const mirror = editor.querySelector("[data-mirror]");
  const key = `text:${editor.dataset.editor}`;
  let isChanged = editor.hasAttribute("data-unsaved");
  let later = 0;

  function mirrorLines() {
    const lines = text.value.split("\n");
    while (mirror.children.length > lines.length) mirror.lastElementChild.remove();
    while (mirror.children.length < lines.length) {
      const line = document.createElement("div");
      line.id = `line-${mirror.children.length + 1}`;
      line.append(document.createElement("span"));
      mirror.append(line);
    }
    lines.forEach((line, i) => {
      const span = mirror.children[i].firstElementChild;
      if (span.textContent !== line) span.textContent = line;
    });
  }

  function markLines() {
    const marked = new Set([...document.querySelectorAll("#findings [data-line]")].map((one) => one.dataset.line));
    [...mirror.children].forEach((line, i) => line.classList.toggle("has-finding", marked.has(String(i + 1))));
  }

  function goTo(number) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
    text.focus({ preventScroll: true });
    text.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
    mirror.children[number - 1]?.scrollIntoView({ block: "center" });
  }

  editor.querySelector(".paper").classList.add("is-live");
  mirrorLines();
  markLines();
  show(panel);

  text.addEventListener("input", () => {
    isChanged = true;
    mirrorLines();
    clearTimeout(later);
    later = setTimeout(() => {
      sessionStorage.setItem(key, JSON.stringify([text.value, note.value]));
      show(panel);
    }, 900);
  });
  note.addEventListener("change", () => sessionStorage.setItem(key, JSON.stringify([text.value, note.value])));
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "findings") markLines(); });
  document.querySelector("#findings").addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#line-']");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.hash.slice("#line-".length)));
  });

  // Kept in this window alone, until it is saved or closed: a session that ran out must not cost anybody their text.
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
  const box = document.querySelector("[data-kept]");
  if (kept && kept[0] !== text.value && !isChanged) {
    box.hidden = false;
    box.querySelector("[data-kept-back]").addEventListener("click", () => {
      [text.value, note.value] = kept;
      box.hidden = true;
      text.dispatchEvent(new Event("input", { bubbles: true }));
      text.focus();
    });
    box.querySelector("[data-kept-forget]").addEventListener("click", () => {
      sessionStorage.removeItem(key);
      box.hidden = true;
      text.focus();
    });
  }
  editor.addEventListener("submit", (event) => {
    if (isShowing || event.defaultPrevented) return;
    isChanged = false;
    sessionStorage.setItem(key, JSON.stringify([text.value, note.value]));
    sessionStorage.setItem("saving", key);
  });
  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
  if (editor.hasAttribute("data-unsaved")) sessionStorage.removeItem("saving"); // it came back: it is not saved
}

// The page of a version that was just saved: nothing needs to be kept any longer.
const saved = document.querySelector("[data-saved]");
if (saved && sessionStorage.getItem("saving") === `text:${saved.dataset.saved}`) {
  sessionStorage.removeItem(`text:${saved.dataset.saved}`);
  sessionStorage.removeItem("saving");
}
