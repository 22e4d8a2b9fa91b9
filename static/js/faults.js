// A request of htmx that failed is said in words, in the page's own message list.
import { say } from "./say.js";

const words = document.body.dataset;

document.body.addEventListener("htmx:sendError", () => say(words.offline, "error"));
document.body.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 403 || status === 401) say(words.signedOut, "error");
  else if (status === 404) say(words.gone, "error");
  else say(words.fault, "error");
});
