// On a narrow screen the conversations fold away behind one button.
const rail = document.getElementById("rail");
const toggle = rail.querySelector(".rail-toggle");

toggle.addEventListener("click", () => {
  toggle.setAttribute("aria-expanded", String(rail.classList.toggle("open")));
});
