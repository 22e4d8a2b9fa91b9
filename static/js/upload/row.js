// One line of the list of uploads. File names enter as text.
export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function button(text, act) {
  const made = element("button", "button small", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

export class Row {
  constructor(words, { name, path }) {
    this.words = words;
    this.element = element("li", "");
    this.name = element("span", "name", name);
    if (path) this.name.prepend(element("span", "path", `${path}/`));
    this.name.title = path ? `${path}/${name}` : name;
    this.state = element("span", "muted", words.waiting);
    this.bar = element("progress", "");
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", name);
    this.element.append(this.name, this.state);
  }

  sending() {
    for (const old of this.element.querySelectorAll(".detail, button")) old.remove();
    this.element.className = "sending";
    this.element.append(this.bar);
    this.state.textContent = this.words.sending;
  }

  progress(share) {
    this.bar.value = share;
  }

  // `again`: sends the file once more, where that can help.
  ended({ ok, created, note, detail, broken }, again) {
    this.bar.remove();
    this.bar.value = 0;
    this.element.className = ok ? "taken" : broken ? "broken" : "refused";
    this.state.textContent = this.said(ok, created, broken);
    const text = ok ? note : detail;
    if (text) this.element.append(element("span", "detail", text));
    if (broken) this.element.append(button(this.words.again, again));
  }

  said(ok, created, broken) {
    if (ok) return created ? this.words.taken : this.words.there;
    return broken ? this.words.interrupted : this.words.refused;
  }
}
