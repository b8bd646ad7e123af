// Makes the buttons that copy and print work, and sends a form once where somebody clicks twice.
// Every page works without it.
"use strict";

const PATIENCE = 5000; // milliseconds until a form may be sent again: a download leaves its page in place

async function copy(button, said) {
  const text = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.innerText.trim());
    said.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    said.textContent = "Your browser does not let this page copy. It is selected: copy it by hand.";
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.parentElement.append(said);
  button.hidden = false;
  button.addEventListener("click", () => copy(button, said));
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

function mark(form, sent) {
  form.toggleAttribute("data-sent", sent);
  for (const button of form.querySelectorAll("button")) {
    if (sent) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-sent")) {
    event.preventDefault();
    return;
  }
  mark(form, true);
  setTimeout(mark, PATIENCE, form, false);
});

addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => mark(form, false)));
