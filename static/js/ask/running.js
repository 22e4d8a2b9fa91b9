// The one answer that is being written on this page, if any.
let current = null;

export const running = () => current !== null;

export function begin(answer) {
  current = answer;
  document.dispatchEvent(new CustomEvent("answer:state"));
}

export function end(answer) {
  if (current !== answer) return;
  current = null;
  document.dispatchEvent(new CustomEvent("answer:state"));
}

export function stop() {
  if (!current) return;
  if (current.dataset.private) {
    current.dispatchEvent(new CustomEvent("answer:stop"));
    return;
  }
  const { csrf } = document.body.dataset;
  const words = document.getElementById("thread").dataset;
  current.querySelector("[data-status]").textContent = words.stopping;
  fetch(current.dataset.stop, { method: "POST", headers: { "X-CSRFToken": csrf } }).catch(() => {
    // The stream goes on and shows its end; there is nothing to undo.
  });
}
