// Says beside the composer which collections will be asked.
const scope = document.querySelector("[data-scope]");
const label = scope.querySelector("[data-scope-label]");
const boxes = [...scope.querySelectorAll("input[type=checkbox]")];

function nameOf(box) {
  return box.closest("label").querySelector("span").textContent.trim();
}

function refresh() {
  const chosen = boxes.filter((box) => box.checked);
  if (chosen.length === 0) label.textContent = scope.dataset.none;
  else if (chosen.length === 1) label.textContent = nameOf(chosen[0]);
  else if (chosen.length === boxes.length) label.textContent = scope.dataset.all;
  else label.textContent = `${chosen.length} / ${boxes.length} ${scope.dataset.some}`;
}

scope.addEventListener("change", refresh);
refresh();
