// The question's box: it grows, counts, sends on Enter, and gives way to a stop button.
import { running, stop } from "./running.js";

const form = document.getElementById("composer");
const box = form.querySelector("textarea");
const send = form.querySelector("[data-send]");
const halt = form.querySelector("[data-stop-answer]");
const count = document.getElementById("question-count");
const error = document.getElementById("composer-error");
const limit = Number(box.dataset.limit);

function characters() {
  return [...box.value.trim()].length;
}

function refresh() {
  const length = characters();
  const near = length > limit * 0.8;
  count.textContent = near ? `${length} / ${limit}` : "";
  count.classList.toggle("over", length > limit);
  send.hidden = running();
  halt.hidden = !running();
  send.disabled = length === 0 || length > limit;
  if (!CSS.supports("field-sizing", "content")) {
    box.style.setProperty("height", "auto");
    box.style.setProperty("height", `${box.scrollHeight}px`);
  }
}

function sent(event) {
  if (event.target !== form || event.detail.xhr.status !== 200) return;
  box.value = "";
  error.replaceChildren();
  refresh();
}

box.addEventListener("input", refresh);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!send.disabled && !running()) form.requestSubmit(send);
});
halt.addEventListener("click", stop);
form.addEventListener("htmx:afterRequest", sent);
document.addEventListener("answer:state", refresh);

document.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example || running()) return;
  box.value = example.textContent;
  refresh();
  form.requestSubmit(send);
});

refresh();
