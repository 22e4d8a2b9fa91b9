// The choices of appearance and of keys in the profile menu.
const root = document.documentElement;

function choose(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

// Whether digits open sources (ask/viewer.js): kept like the appearance.
function digits(on) {
  try {
    if (on) localStorage.removeItem("digits");
    else localStorage.setItem("digits", "off");
  } catch {
    // Without storage they stay on.
  }
}

for (const input of document.querySelectorAll("[data-digits]")) {
  try {
    input.checked = localStorage.getItem("digits") !== "off";
  } catch {
    input.checked = true;
  }
  input.addEventListener("change", () => digits(input.checked));
}

for (const input of document.querySelectorAll("[data-appearance] input")) {
  input.checked = input.value === (root.dataset.theme ?? "system");
  input.addEventListener("change", () => choose(input.value));
}
