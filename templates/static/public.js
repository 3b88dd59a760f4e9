// Copying a letter's link and printing it. Without this script the page lacks these two buttons and nothing else.
"use strict";

for (const item of document.querySelectorAll("[data-print], [data-copies]")) {
  item.hidden = false;
}

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

document.querySelector("[data-copy]")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const said = document.querySelector("[data-said]");
  said.textContent = "";
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    said.textContent = button.dataset.done;
  } catch {
    said.textContent = button.dataset.failed; // not a secure page, or the reader said no
  }
});
