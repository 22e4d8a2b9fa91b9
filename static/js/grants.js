// The e-mail field is there for a person only.
const form = document.querySelector("[data-grant]");
const who = form.elements.namedItem("who");
const email = form.elements.namedItem("email");

function refresh() {
  const person = who.value === "person";
  email.closest(".field").hidden = !person;
  email.required = person;
}

who.addEventListener("change", refresh);
refresh();
