// The files that are shown: what is sent now, what waits next, what did not end well. Never more than
// a hundred; the others are counted.
import { Row } from "./row.js";
import { fill, number } from "./words.js";

const NEXT = 30;
const KEPT = 65;
const STAYS = 4000;
const FEW = 20;

export class List {
  constructor(element, more, words, again) {
    this.element = element;
    this.more = more;
    this.words = words;
    this.again = again;
    this.rows = new Map();
    this.waiting = 0;
    this.kept = new Set();
    this.unshown = 0;
  }

  clear() {
    this.element.replaceChildren();
    this.rows.clear();
    this.kept.clear();
    this.waiting = 0;
    this.unshown = 0;
  }

  added(item) {
    if (this.waiting >= NEXT) return;
    this.waiting += 1;
    item.shown = true;
    this.element.append(this.row(item).element);
  }

  row(item) {
    const made = new Row(this.words, item);
    this.rows.set(item, made);
    return made;
  }

  // What is sent now stands above the others, wherever it waited.
  started(item) {
    this.unwait(item);
    this.kept.delete(item);
    const row = this.rows.get(item) ?? this.row(item);
    row.sending();
    if (this.element.firstChild !== row.element) this.element.prepend(row.element);
  }

  progress(item) {
    this.rows.get(item)?.progress(item.share);
  }

  ended(item, outcome, all) {
    this.unwait(item);
    const quiet = outcome.stopped || (outcome.ok && !outcome.note);
    if (outcome.stopped || (quiet && all > FEW)) {
      this.remove(item);
    } else if (quiet) {
      this.rows.get(item)?.ended(outcome);
      setTimeout(() => this.remove(item), STAYS);
    } else this.keep(item, outcome);
  }

  keep(item, outcome) {
    if (this.kept.size >= KEPT) {
      this.unshown += 1;
      this.remove(item);
      return;
    }
    this.kept.add(item);
    const row = this.rows.get(item) ?? this.row(item);
    row.ended(outcome, () => this.again(item));
    if (!row.element.isConnected) this.element.append(row.element);
  }

  unwait(item) {
    if (!item.shown) return;
    item.shown = false;
    this.waiting -= 1;
  }

  remove(item) {
    this.rows.get(item)?.element.remove();
    this.rows.delete(item);
    this.kept.delete(item);
  }

  // `left`: how many wait, shown or not.
  counted(left) {
    const parts = [];
    const hidden = left - this.waiting;
    if (hidden > 0) parts.push(fill(this.words.moreWaiting, { n: number(hidden) }));
    if (this.unshown > 0) parts.push(fill(this.words.moreEnded, { n: number(this.unshown) }));
    this.more.textContent = parts.join(" ");
    this.more.hidden = parts.length === 0;
  }
}
