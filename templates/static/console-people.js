// Passkeys: what went wrong, said on the page. The dance with the browser itself is allauth's.
"use strict";

const fault = document.querySelector("[data-passkey-fault]");

document.addEventListener("allauth.error", (event) => {
  if (!fault) return;
  event.preventDefault(); // not in the console only, where nobody looks
  fault.textContent = window.PublicKeyCredential ? fault.dataset.refused : fault.dataset.missing;
});
