// Copies an answer with its marks and the list of what they point to.
const thread = document.getElementById("thread");

function asText(answer) {
  const prose = answer.querySelector(".prose").cloneNode(true);
  for (const flag of prose.querySelectorAll(".flag")) flag.remove();
  for (const cite of prose.querySelectorAll(".cite")) cite.textContent = ` [${cite.textContent}]`;
  const paragraphs = [...prose.children].map((p) => p.textContent.trim());
  const sources = [...answer.querySelectorAll(".source")].map((source) => {
    const read = (selector) => source.querySelector(selector)?.textContent.trim() ?? "";
    return `[${read(".n")}] ${[read(".name"), read(".where")].filter(Boolean).join(", ")}`;
  });
  return [...paragraphs, sources.join("\n")].join("\n\n");
}

thread.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(asText(button.closest(".answer")));
    button.textContent = thread.dataset.copied;
  } catch {
    // No clipboard without HTTPS or localhost: select the words for the person instead.
    getSelection().selectAllChildren(button.closest(".answer").querySelector(".prose"));
    return;
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
});
