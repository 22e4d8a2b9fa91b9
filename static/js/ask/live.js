// What is shown while an answer is written. Text of models and documents enters as text, never as HTML.
const thread = document.getElementById("thread");
const blank = document.getElementById("source-template");
const NEAR = 160;

function atBottom() {
  const page = document.documentElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
}

function sourceElement(passage) {
  const element = blank.content.cloneNode(true).querySelector(".source");
  const put = (selector, text) => {
    element.querySelector(selector).textContent = text;
  };
  put(".n", passage.n);
  put(".name", passage.document.name);
  put(".where", [passage.heading, passage.page_label].filter(Boolean).join(" · "));
  put(".snippet", passage.text);
  put(".passage", passage.text);
  const link = element.querySelector("a");
  const address = link.dataset.documents.replace(/[0-]{36}/, passage.document.id);
  link.href = `${address}?chunk=${passage.chunk}#chunk-${passage.chunk}`;
  return element;
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
    panel.querySelector(".list").replaceChildren(...passages.map(sourceElement));
    panel.querySelector("[data-count]").textContent = passages.length;
    panel.hidden = passages.length === 0;
    this.say(this.words.reading);
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

  checking() {
    this.say(this.words.checking);
  }

  lost() {
    this.text?.classList.remove("writing");
    this.answer.querySelector(".pulse")?.remove();
    this.say(this.words.lost);
  }
}
