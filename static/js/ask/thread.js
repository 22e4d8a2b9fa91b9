// Watches the thread: each answer that arrives unfinished is streamed.
import { askPrivately } from "./private.js";
import { follow } from "./stream.js";

const thread = document.getElementById("thread");

function arrived(exchange) {
  thread.querySelector(".welcome")?.remove();
  thread.closest(".talk").classList.remove("fresh");
  // Asked anew in the place of an earlier one: what came after that one stays with it.
  while (exchange.nextElementSibling?.matches(".exchange")) exchange.nextElementSibling.remove();
  // An answer that goes on in this conversation; a reload finds it at its own address.
  if (exchange.dataset.url) history.replaceState(null, "", exchange.dataset.url);
  for (const older of thread.querySelectorAll(".exchange:not(:last-child) > .answer > .sources")) {
    older.open = false;
  }
  const box = document.getElementById("question");
  box.placeholder = box.dataset.followUp;
  exchange.scrollIntoView({ block: "start" });
}

document.body.addEventListener("htmx:load", (event) => {
  const found = event.detail.elt;
  if (found.matches?.(".exchange")) arrived(found);
  start(found);
});

function start(root) {
  const waiting = root.matches?.("[data-stream]") ? [root] : root.querySelectorAll("[data-stream]");
  for (const answer of waiting) follow(answer);
  for (const answer of root.querySelectorAll("[data-private]")) askPrivately(answer);
}

start(thread);
