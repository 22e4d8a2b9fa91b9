// Says beside the composer how many filters are set: they count for every question that is sent.
const filters = document.querySelector("[data-filters]");
const badge = filters.querySelector("[data-filter-count]");

function refresh() {
  const set = [...filters.querySelectorAll("input")].filter((input) =>
    input.type === "checkbox" ? input.checked : input.value,
  );
  badge.textContent = set.length;
  badge.hidden = set.length === 0;
}

filters.addEventListener("change", refresh);
refresh();
