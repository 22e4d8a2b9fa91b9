// One answer over server-sent events, from the first source to the server's own rendering of it.
import { begin, end } from "./running.js";
import { LiveAnswer } from "./live.js";

const followed = new Map();
const TRIES = 2;

// Events that a live answer hears, by the names of its methods.
export const HEARD = ["started", "condensed", "named", "sources", "instant", "token", "citation", "withdrawn"];

function finish(answer) {
  end(answer);
  const from = answer.id;
  htmx
    .ajax("GET", answer.dataset.message, { source: answer, target: `#${from}`, swap: "outerHTML" })
    .catch(() => new LiveAnswer(answer).lost());
}

export function follow(answer) {
  if (answer.dataset.following) return;
  const tries = (followed.get(answer.id) ?? 0) + 1;
  followed.set(answer.id, tries);
  const live = new LiveAnswer(answer);
  if (tries > TRIES) {
    live.lost();
    return;
  }
  answer.dataset.following = "true";
  begin(answer);
  listen(answer, live);
}

function listen(answer, live) {
  const stream = new EventSource(answer.dataset.stream);
  let over = false;
  const close = () => {
    if (over) return;
    over = true;
    stream.close();
    finish(answer);
  };
  const on = (name, act) =>
    stream.addEventListener(name, (event) => {
      // A line that is not JSON is a fault of the wire; the server's own rendering follows it.
      try {
        act(JSON.parse(event.data));
      } catch {
        close();
      }
    });
  for (const name of HEARD) on(name, (data) => live[name](data));
  on("done", close);
  on("failed", close);
  // The browser would connect again by itself; asking for the answer once is enough.
  stream.addEventListener("error", close);
  addEventListener("pagehide", () => stream.close(), { once: true });
}
