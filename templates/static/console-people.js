// Passkeys: what went wrong, said on the page. The dance with the browser itself is allauth's.
"use strict";

const fault = document.querySelector("[data-passkey-fault]");

document.addEventListener("allauth.error", (event) => {
  if (!fault) return;
  event.preventDefault(); // not in the console only, where nobody looks
  fault.textContent = window.PublicKeyCredential ? fault.dataset.refused : fault.dataset.missing;
});

// A button that asks for a passkey can be pressed only once somebody listens: allauth's onload.js, which comes before
// this file, takes hold of them at the same moment. Pressed earlier, it would do nothing, or send an empty form.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.disabled = false;
    if (button.dataset.passkey === "focus") button.focus();
  }
});
