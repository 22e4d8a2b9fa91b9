// A private answer: asked for with the question's own fields, shown, kept on this page alone.
import { begin, end } from "./running.js";
import { LiveAnswer } from "./live.js";
import { HEARD } from "./stream.js";

const thread = document.getElementById("thread");
// What was said before goes along with a follow-up; a reload forgets it.
const said = [];

function fields(answer) {
  const body = new FormData(answer.closest(".exchange").querySelector("[data-asked]"));
  body.append("history", JSON.stringify(said));
  return body;
}

// The events of a stream, one after the other.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(block);
      if (found) yield { name: found[1], data: JSON.parse(found[2]) };
    }
  }
}

async function hear(answer, live, stop) {
  const response = await fetch(answer.dataset.private, {
    method: "POST",
    body: fields(answer),
    headers: { "X-CSRFToken": document.body.dataset.csrf },
    signal: stop.signal,
  });
  if (!response.ok) throw new Error(response.statusText);
  for await (const { name, data } of eventsOf(response)) {
    if (HEARD.includes(name)) live[name](data);
    if (name !== "rendered") continue;
    remember(answer, data.text);
    htmx.swap(answer, data.html, { swapStyle: "outerHTML" });
    return;
  }
  throw new Error("ended early");
}

function remember(answer, text) {
  const question = answer.closest(".exchange").querySelector(".question").textContent;
  said.push({ role: "user", content: question }, { role: "assistant", content: text.slice(0, 20000) });
}

export async function askPrivately(answer) {
  if (answer.dataset.following) return;
  answer.dataset.following = "true";
  const live = new LiveAnswer(answer);
  const stop = new AbortController();
  answer.addEventListener("answer:stop", () => stop.abort(), { once: true });
  addEventListener("pagehide", () => stop.abort(), { once: true });
  begin(answer);
  try {
    await hear(answer, live, stop);
  } catch {
    live.lost();
    live.say(stop.signal.aborted ? thread.dataset.unchecked : thread.dataset.lost);
  } finally {
    end(answer);
  }
}
