// What the viewer shows, in the thread and in the address: which mark, which source.
const viewer = document.getElementById("viewer");
const thread = document.getElementById("thread");
const KEPT = ["answer", "source", "quote"];

export const shown = () => viewer.querySelector("[data-viewer]");

export function answerOf(id) {
  return id ? document.getElementById(`answer-${id}`) : null;
}

export function cite() {
  const view = shown();
  if (!view) return null;
  const { answer, n, span } = view.dataset;
  const every = [...(answerOf(answer)?.querySelectorAll(`.cite[data-cite="${n}"]`) ?? [])];
  return every.find((each) => each.dataset.span === span) ?? every[0] ?? null;
}

export function point() {
  for (const old of thread.querySelectorAll(".cite[aria-current]")) old.removeAttribute("aria-current");
  for (const old of thread.querySelectorAll(".source.cited")) old.classList.remove("cited");
  const view = viewer.open ? shown() : null;
  if (!view) return;
  cite()?.setAttribute("aria-current", "true");
  document.getElementById(`source-${view.dataset.answer}-${view.dataset.n}`)?.classList.add("cited");
}

export function remember() {
  const address = new URL(location.href);
  for (const name of KEPT) address.searchParams.delete(name);
  const view = viewer.open ? shown() : null;
  if (view?.dataset.answer) {
    address.searchParams.set("answer", view.dataset.answer);
    address.searchParams.set("source", view.dataset.n);
    if (view.dataset.span) address.searchParams.set("quote", view.dataset.span);
  }
  history.replaceState(null, "", address);
}

export function reach() {
  const body = viewer.querySelector(".viewer-body");
  const leaf = viewer.querySelector(".leaf[data-top]");
  const mark = viewer.querySelector("mark");
  if (leaf) {
    const page = leaf.querySelector(".leaf-page");
    body.scrollTop = page.offsetTop - body.offsetTop + leaf.dataset.top * page.offsetHeight - 96;
  } else if (mark) {
    const above = mark.getBoundingClientRect().top - body.getBoundingClientRect().top;
    body.scrollTop += above - body.clientHeight / 3;
  }
}
