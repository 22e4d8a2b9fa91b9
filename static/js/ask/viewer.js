// A citation opens its source beside the answer: the page with the words marked, or its text. The
// panel is made by the server; here it opens, closes, and is led by the keyboard.
import { answerOf, cite, point, reach, remember, shown } from "./place.js";

const viewer = document.getElementById("viewer");
const thread = document.getElementById("thread");
const sheet = matchMedia("(max-width: 56rem)");
const FIELDS = "input, textarea, select, [contenteditable], dialog:not(#viewer)";
let opener = null;

function open(address, from) {
  if (from && !viewer.contains(from)) opener = from;
  // Of its own: what waits behind it would be dropped, and with it the end of an answer.
  htmx.ajax("GET", address, { source: viewer, target: viewer, swap: "innerHTML" }).catch(() => {
    // What went wrong was said (faults.js); what is open stays.
  });
}

function close() {
  const back = opener?.isConnected ? opener : cite();
  viewer.close();
  // Where nothing is asked, as on a shared page, there is no question.
  (back ?? document.getElementById("question") ?? document.getElementById("content")).focus();
}

function settle() {
  // Letters of a whole page are small on a small screen.
  const text = viewer.querySelector(".viewer-as-text");
  if (text && sheet.matches) text.open = true;
  reach();
}

function arrived() {
  if (!viewer.open) {
    if (sheet.matches) viewer.showModal();
    else viewer.show();
  }
  viewer.querySelector("#viewer-title")?.focus({ preventScroll: true });
  settle();
  point();
  remember();
}

// --- mouse --------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-viewer]")) close();
  const link = event.target.closest("a.cite, a[data-view]");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain) return;
  event.preventDefault();
  open(link.getAttribute("href"), link);
});

// --- keyboard -----------------------------------------------------------------------------------
function nth(n) {
  const view = viewer.open ? shown() : null;
  const answers = thread.querySelectorAll(".answer");
  const answer = answerOf(view?.dataset.answer) ?? answers[answers.length - 1];
  const mark = answer?.querySelector(`.cite[data-cite="${n}"]`);
  return mark ?? answer?.querySelector(`[id$="-${n}"].source a[data-view]`);
}

// Who speaks to the machine, or hits keys by accident, turns them off (the menu of the account).
function digits() {
  try {
    return localStorage.getItem("digits") !== "off";
  } catch {
    return true;
  }
}

function key(event) {
  if (event.key === "Escape" && viewer.open) return close;
  if (event.target.closest?.(FIELDS)) return null;
  if (/^[1-9]$/.test(event.key) && digits()) {
    const link = nth(event.key);
    return link && (() => open(link.getAttribute("href"), link));
  }
  const turn = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!turn || !viewer.contains(event.target) || event.target.closest(".found-cells")) return null;
  const step = viewer.querySelector(`a[rel=${turn}]`);
  return step && (() => open(step.getAttribute("href"), step));
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.getElementById("dialog")?.open) return;
  const act = key(event);
  if (!act) return;
  event.preventDefault();
  act();
});

viewer.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
viewer.addEventListener("close", () => {
  point();
  remember();
  viewer.replaceChildren();
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === viewer) arrived();
  // The picture of a slide came after its text: who reads stays where they are.
  else if (viewer.open && event.detail.elt?.closest?.("#viewer")) settle();
});
// The server's own rendering of an answer takes the place of what was streamed.
document.body.addEventListener("htmx:load", point);

// --- a link that names a source -----------------------------------------------------------------
const asked = new URL(location.href).searchParams;
const answer = answerOf(asked.get("answer"));
if (answer && /^\d{1,3}$/.test(asked.get("source") ?? "")) {
  const address = answer.dataset.sources.replace(/0\/$/, `${asked.get("source")}/`);
  answer.scrollIntoView({ block: "start" });
  open(`${address}?quote=${encodeURIComponent(asked.get("quote") ?? "")}`);
}
