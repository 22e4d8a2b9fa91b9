// Says beside the composer how many filters are set: they count for every question that is sent.
const filters = document.querySelector("details[data-filters]");
const badge = filters.querySelector("[data-filter-count]");

function refresh() {
  const set = [...filters.querySelectorAll("input:not([type=hidden])")].filter((input) =>
    input.type === "checkbox" ? input.checked : input.value,
  );
  badge.textContent = set.length;
  badge.hidden = set.length === 0;
}

filters.addEventListener("change", refresh);

// A document that is taken away goes; the question is what comes next.
document.querySelector("[data-only]")?.addEventListener("change", (event) => {
  event.target.closest(".chip").remove();
  document.getElementById("question").focus();
});

refresh();
