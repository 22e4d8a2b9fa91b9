// <details class="menu"> closes on Escape, on a click elsewhere, and when focus moves on.
const open = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

// To press a label's words gives the focus to the page around it first. Closed then, the menu would take
// its box away before it is ticked, and some browsers do not survive that.
let pressed = null;

document.addEventListener("pointerdown", (event) => {
  pressed = event.target;
});

document.addEventListener("click", () => {
  pressed = null;
});

document.addEventListener("focusin", (event) => {
  for (const menu of open()) {
    if (!menu.contains(event.target) && !menu.contains(pressed)) menu.open = false;
  }
});

// Before anybody else hears of it: one press closes one thing, and a menu lies over what else is open.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    }
  },
  true,
);
