// The files of an upload, two at once. Sums are kept as they change: thousands are never walked.
import { send } from "./send.js";

const AT_ONCE = 2;
// So many interrupted one after the other: the connection is gone or the disk full, not one file odd.
const LOST = 3;

export class Uploads {
  // `seen`: { added, started, progress, ended, changed }, told of an item or of the whole.
  constructor(form, seen) {
    this.form = form;
    this.most = Number(form.dataset.most);
    this.seen = seen;
    this.looking = 0;
    this.clear();
  }

  clear() {
    this.waiting = [];
    this.next = 0;
    this.active = new Set();
    this.broken = new Set();
    this.paused = false;
    this.why = "";
    this.inRow = 0;
    this.count = { all: 0, done: 0, taken: 0, there: 0, newer: 0, refused: 0, stopped: 0, leftOut: 0 };
    this.bytes = { all: 0, done: 0 };
  }

  get left() {
    return this.waiting.length - this.next;
  }

  get busy() {
    return this.looking > 0 || this.active.size > 0 || this.left > 0;
  }

  get sent() {
    let sum = this.bytes.done;
    for (const item of this.active) sum += item.share * item.size;
    return sum;
  }

  add({ leftOut, file, name, path }) {
    if (leftOut) {
      this.count.leftOut += 1;
      return;
    }
    const item = { file, name, path, size: file?.size ?? 0, share: 0 };
    this.count.all += 1;
    this.bytes.all += item.size;
    this.seen.added(item);
    const { dataset } = this.form;
    if (!file) this.end(item, { detail: dataset.unreadable });
    else if (item.size > this.most) this.end(item, { detail: dataset.tooLarge });
    else this.waiting.push(item);
  }

  work() {
    while (!this.paused && this.active.size < AT_ONCE && this.left > 0) {
      const item = this.waiting[this.next];
      this.waiting[this.next] = null;
      this.next += 1;
      this.start(item);
    }
    this.seen.changed();
  }

  start(item) {
    this.active.add(item);
    this.seen.started(item);
    const { ended, abort } = send(this.form, item, (share) => {
      item.share = share;
      this.seen.progress(item);
    });
    item.abort = abort;
    ended.then((outcome) => {
      this.active.delete(item);
      this.end(item, outcome);
      this.work();
    });
  }

  end(item, outcome) {
    item.share = 0;
    if (outcome.broken) this.interrupted(item, outcome);
    else {
      this.inRow = 0;
      this.settle(item, outcome);
    }
    this.seen.ended(item, outcome);
  }

  settle(item, outcome) {
    const { count } = this;
    count.done += 1;
    this.bytes.done += item.size;
    item.file = null;
    if (outcome.stopped) count.stopped += 1;
    else if (!outcome.ok) count.refused += 1;
    else if (!outcome.created) count.there += 1;
    else {
      count.taken += 1;
      if (outcome.replaces) count.newer += 1;
    }
  }

  interrupted(item, { shut, detail }) {
    this.broken.add(item);
    this.inRow += 1;
    if (!shut && this.inRow < LOST) return;
    this.paused = this.left > 0;
    this.why = detail;
  }

  pause() {
    this.paused = true;
    this.why = "";
    this.seen.changed();
  }

  resume() {
    this.paused = false;
    this.inRow = 0;
    this.why = "";
    this.again([...this.broken]);
  }

  again(items) {
    for (const item of items) {
      if (this.broken.delete(item)) this.waiting.push(item);
    }
    this.work();
  }

  // What is on its way is broken off; what waits is not sent.
  stop() {
    const rest = [...this.waiting.slice(this.next), ...this.broken];
    this.next = this.waiting.length;
    this.broken.clear();
    this.paused = false;
    for (const item of rest) this.end(item, { stopped: true });
    for (const item of [...this.active]) item.abort();
    this.seen.changed();
  }
}
