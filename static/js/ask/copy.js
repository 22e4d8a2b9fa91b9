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

// Both statements with their documents, then which of them is newer.
function conflictsOf(answer, write) {
  const flat = (node) => write(node.textContent.replace(/\s+/g, " ").trim());
  const conflicts = [...answer.querySelectorAll(".conflict")].map((conflict) => {
    const sides = [...conflict.querySelectorAll("li")].map((side) => {
      const mark = side.querySelector(".cite").textContent.trim();
      const about = flat(side.querySelector(".of")).slice(mark.length).trim();
      return `- “${flat(side.querySelector("blockquote"))}” [${mark}] (${about})`;
    });
    return [...sides, flat(conflict.querySelector(".why"))].join("\n");
  });
  const title = answer.querySelector(".conflicts > h3");
  return title ? [flat(title), ...conflicts] : [];
}

const forms = {
  text: (answer) => whole(answer, String, ""),
  markdown: (answer) => whole(answer, escaped, "- "),
};

function whole(answer, write, bullet) {
  const sources = sourcesOf(answer, write, bullet).join("\n");
  return [...proseOf(answer, write), ...conflictsOf(answer, write), sources];
}

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
