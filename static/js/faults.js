// What went wrong with a request of htmx is said in words, in the page's own message list.
import { say } from "./say.js";

const words = document.body.dataset;

document.body.addEventListener("htmx:sendError", () => say(words.offline, "error"));
document.body.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 403 || status === 401) say(words.signedOut, "error");
  else if (status === 404) say(words.gone, "error");
  else say(words.fault, "error");
});

// What a deed without a page of its own has to say (ingest/pages.py, `done`).
document.body.addEventListener("said", (event) => say(event.detail.text, "success"));

// A whole page where a fragment was asked for is the sign-in page: the session has ended.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!/^\s*<!doctype/i.test(event.detail.xhr.responseText)) return;
  event.detail.shouldSwap = false;
  location.reload();
});
