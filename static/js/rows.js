// Buttons that add a row to a form's list: the row is a template, its number stands for __prefix__.
for (const button of document.querySelectorAll("[data-adds]")) {
  button.hidden = false;
  button.addEventListener("click", () => add(button.dataset.adds));
}

function add(kind) {
  const total = document.getElementById(`id_${kind}-TOTAL_FORMS`);
  const most = document.getElementById(`id_${kind}-MAX_NUM_FORMS`);
  if (Number(total.value) >= Number(most.value)) return;
  const row = document.querySelector(`template[data-empty="${kind}"]`).content.cloneNode(true);
  for (const element of row.querySelectorAll("*")) number(element, total.value);
  const field = row.querySelector("input:not([type=hidden]), select, textarea");
  document.querySelector(`[data-rows="${kind}"]`).append(row);
  total.value = Number(total.value) + 1;
  field.focus();
}

function number(element, n) {
  for (const { name, value } of [...element.attributes])
    if (value.includes("__prefix__")) element.setAttribute(name, value.replaceAll("__prefix__", n));
}
