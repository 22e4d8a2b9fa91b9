// Copies an answer with its marks, what is known of each sentence, and the list of what they point to.
const thread = document.getElementById("thread");

// Text that no reader of Markdown takes for a link, an image, a heading or HTML: as chat/export.py escapes it.
function escaped(text) {
  return text
    .replace(/^(?=[#=~])/, "\\")
    .replace(/[\\`*_<>!@&]/g, "\\$&")
    .replaceAll("](", "]\\(")
    .replaceAll("]:", "]\\:")
    .replaceAll("://", "\\://")
    .replaceAll("www.", "www\\.");
}

function proseOf(answer, write) {
  return [...answer.querySelectorAll(".prose > p, .prose li")].map((line) => {
    const said = [...line.childNodes].map((node) => {
      if (node.classList?.contains("cite")) return ` [${node.textContent.trim()}]${doubt(node)}`;
      if (node.classList?.contains("flag")) return ` (${node.textContent.trim()})`;
      return write(node.textContent.replace(/\s+/g, " "));
    });
    return marker(line) + said.join("").trim();
  });
}

function marker(line) {
  if (line.localName !== "li") return "";
  return line.parentElement.localName === "ol" ? `${line.value}. ` : "- ";
}

// Said once, behind the last mark of its sentence.
function doubt(cite) {
  const last = !cite.nextElementSibling?.classList.contains("cite");
  return last && cite.classList.contains("likely") ? ` (${thread.dataset.likely})` : "";
}

function sourcesOf(answer, write, bullet) {
  return [...answer.querySelectorAll(".source")].map((source) => {
    const read = (selector) => source.querySelector(selector)?.textContent.trim() ?? "";
    const place = [read(".name"), read(".where")].filter(Boolean).join(", ");
    return `${bullet}[${read(".n")}] ${write(place)}`;
  });
}

const forms = {
  text: (answer) => [...proseOf(answer, String), sourcesOf(answer, String, "").join("\n")],
  markdown: (answer) => [...proseOf(answer, escaped), sourcesOf(answer, escaped, "- ").join("\n")],
};

thread.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const answer = button.closest(".answer");
  const before = button.textContent;
  try {
    const parts = forms[button.dataset.copy](answer).filter(Boolean);
    await navigator.clipboard.writeText(parts.join("\n\n"));
    button.textContent = thread.dataset.copied;
  } catch {
    // No clipboard without HTTPS or localhost: select the words for the person instead.
    getSelection().selectAllChildren(answer.querySelector(".prose"));
    return;
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
});
