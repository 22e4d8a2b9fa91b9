// What is shown while an answer is written. Text of models and documents enters as text, never as HTML.
const thread = document.getElementById("thread");
const blank = document.getElementById("source-template");
const NEAR = 160;

function atBottom() {
  const page = document.documentElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
}

function sourceElement(passage, answer) {
  const element = blank.content.cloneNode(true).querySelector(".source");
  const put = (selector, text) => {
    element.querySelector(selector).textContent = text;
  };
  put(".n", passage.n);
  put(".name", passage.document.name);
  put(".where", [passage.heading, passage.page_label].filter(Boolean).join(" · "));
  put(".snippet", passage.text);
  put(".passage", passage.text);
  element.id = `source-${answer.id.replace("answer-", "")}-${passage.n}`;
  element.querySelector("[data-view]").href = sourceAddress(answer, passage.n);
  const link = element.querySelector("[data-documents]");
  const address = link.dataset.documents.replace(/[0-]{36}/, passage.document.id);
  link.href = `${address}?chunk=${passage.chunk}#chunk-${passage.chunk}`;
  return element;
}

function sourceAddress(answer, n) {
  // A private answer has no place of its own: its passages have.
  if (answer.dataset.passages) return answer.dataset.passages.replace(/[^/]{36}/, answer.chunks.get(n));
  return answer.dataset.sources.replace(/0\/$/, `${n}/`);
}

// The mark of a source as the server renders it at the end.
function citeElement(answer, { n, quote, support }) {
  const cite = document.createElement("a");
  const span = quote.join("-");
  cite.className = `cite ${support}`;
  cite.href = `${sourceAddress(answer, n)}?quote=${span}`;
  Object.assign(cite.dataset, { cite: n, span });
  cite.textContent = n;
  const source = document.getElementById(`source-${answer.id.replace("answer-", "")}-${n}`);
  cite.title = source?.querySelector(".name")?.textContent ?? "";
  return cite;
}

export class LiveAnswer {
  constructor(answer) {
    this.answer = answer;
    this.words = thread.dataset;
    this.text = answer.querySelector("[data-text]");
    this.node = null;
  }

  say(text) {
    const status = this.answer.querySelector("[data-status]");
    if (status && status.textContent !== text) status.textContent = text;
  }

  started({ queue }) {
    this.say(queue > 0 ? `${this.words.queued} ${queue}` : this.words.looking);
  }

  condensed({ question }) {
    const line = this.answer.querySelector("[data-condensed]");
    line.querySelector("q").textContent = question;
    line.hidden = false;
  }

  named({ documents }) {
    const line = this.answer.querySelector("[data-first-in]");
    line.querySelector("span").textContent = documents.map((each) => each.name).join(", ");
    line.hidden = false;
  }

  sources({ passages }) {
    const panel = this.answer.querySelector(".sources");
    this.answer.chunks = new Map(passages.map((each) => [each.n, each.chunk]));
    panel.querySelector(".list").replaceChildren(...passages.map((each) => sourceElement(each, this.answer)));
    panel.querySelector("[data-count]").textContent = passages.length;
    panel.hidden = passages.length === 0;
    this.say(this.words.reading);
  }

  // In the words of the documents, until the answer stands.
  instant({ quotes }) {
    const block = this.answer.querySelector("[data-instant]");
    block.querySelector("ul").replaceChildren(
      ...quotes.map((each) => {
        const item = document.createElement("li");
        const words = document.createElement("q");
        words.textContent = each.text;
        item.append(words, " ", citeElement(this.answer, { ...each, support: "verified" }));
        return item;
      }),
    );
    block.hidden = quotes.length === 0;
  }

  token({ text }) {
    const follow = atBottom();
    if (!this.node) {
      this.node = document.createTextNode("");
      this.text.append(this.node);
      this.text.classList.add("writing");
      this.say(this.words.writing);
    }
    this.node.appendData(text);
    if (follow) window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
  }

  // What the model wrote stands nowhere: the words of the documents come in its place.
  withdrawn() {
    this.text.replaceChildren();
    this.node = null;
    this.say(this.words.withdrawn);
  }

  // Marks are written at the end of their sentence, right before what they point to is told.
  citation(data) {
    this.say(this.words.checking);
    const mark = ` [${data.n}]`;
    const at = data.n > 0 && this.node ? this.node.data.indexOf(mark) : -1;
    if (at < 0) return;
    const rest = this.node.splitText(at);
    rest.deleteData(0, mark.length);
    rest.before(citeElement(this.answer, data));
    this.node = rest;
  }

  lost() {
    this.text?.classList.remove("writing");
    this.answer.querySelector(".pulse")?.remove();
    this.say(this.words.lost);
  }
}
