// A citation opens its passage with the quoted words marked, and says which of the two is open.
const thread = document.getElementById("thread");

function mark(passage, quote) {
  const text = passage.textContent;
  const at = quote ? text.indexOf(quote) : -1;
  if (at < 0) {
    passage.textContent = text;
    return;
  }
  const marked = document.createElement("mark");
  marked.textContent = quote;
  passage.replaceChildren(text.slice(0, at), marked, text.slice(at + quote.length));
}

function link(source, span) {
  const anchor = source.querySelector("a[data-open]");
  if (!anchor) return;
  const address = new URL(anchor.href);
  address.searchParams.set("quote", span);
  anchor.href = address.href;
}

function show(cite) {
  const source = document.getElementById(cite.hash.slice(1));
  if (!source) return;
  for (const old of thread.querySelectorAll(".cite[aria-current]")) old.removeAttribute("aria-current");
  for (const old of thread.querySelectorAll(".source.cited")) old.classList.remove("cited");
  cite.setAttribute("aria-current", "true");
  source.classList.add("cited");
  source.closest(".sources").open = true;
  source.open = true;
  const passage = source.querySelector(".passage");
  if (passage) mark(passage, cite.dataset.quote);
  link(source, cite.dataset.span);
  (source.querySelector("mark") ?? source).scrollIntoView({ block: "nearest" });
  source.querySelector("summary")?.focus({ preventScroll: true });
}

thread.addEventListener("click", (event) => {
  const cite = event.target.closest(".cite");
  if (!cite) return;
  event.preventDefault();
  show(cite);
});

// Escape leads back from a passage to the mark that opened it.
thread.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.closest(".source.cited")) return;
  thread.querySelector(".cite[aria-current]")?.focus();
});
