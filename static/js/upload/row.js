// One line of the list of uploads. File names enter as text.
const STAYS = 4000;

function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

export function row(words, name) {
  const item = element("li", "");
  const title = element("span", "name");
  const state = element("span", "muted");
  const bar = element("progress", "");
  title.textContent = name;
  state.textContent = words.waiting;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", name);
  item.append(title, state, bar);

  function say(text) {
    const reason = element("span", "detail");
    reason.textContent = text;
    item.append(reason);
  }

  function ended({ ok, created, note, detail }) {
    bar.remove();
    if (ok) {
      state.textContent = created ? words.taken : words.there;
      if (note) say(note);
      else setTimeout(() => item.remove(), STAYS);
      return;
    }
    item.className = "refused";
    state.textContent = words.refused;
    say(detail);
  }

  return {
    element: item,
    sending: () => {
      state.textContent = words.sending;
    },
    progress: (share) => {
      bar.value = share;
    },
    ended,
  };
}
