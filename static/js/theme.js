// Runs before the first paint, hence a plain script: the chosen look, or none to follow the system.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the page follows the system.
}
