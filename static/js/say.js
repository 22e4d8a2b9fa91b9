// Puts one sentence into the page's message list, which assistive technology announces.
export function say(text, level = "info") {
  const list = document.getElementById("messages");
  if (!list || !text) return;
  const item = document.createElement("li");
  item.className = level;
  item.textContent = text;
  list.replaceChildren(item);
  item.scrollIntoView({ block: "nearest" });
}
