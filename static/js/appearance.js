// The three choices of appearance in the profile menu.
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

for (const input of document.querySelectorAll("[data-appearance] input")) {
  input.checked = input.value === (root.dataset.theme ?? "system");
  input.addEventListener("change", () => choose(input.value));
}
