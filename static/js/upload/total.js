// All files together: one bar, figures, and one sentence now and then for who listens.
import { duration, fill, number, size, speed } from "./words.js";

// A small file costs a request, too: so many bytes of work.
const EACH = 30_000;
const WINDOW = 10_000;
const SAYS = 10_000;
const SHOWN = 1_000;

export class Total {
  constructor(panel, said, words) {
    this.panel = panel;
    this.said = said;
    this.words = words;
    this.part = (name) => panel.querySelector(`[data-${name}]`);
    this.clear();
  }

  clear() {
    this.samples = [];
    this.began = performance.now();
    this.spoke = 0;
  }

  render(uploads) {
    const now = performance.now();
    const { count, busy, paused } = uploads;
    const work = uploads.sent + count.done * EACH;
    const whole = uploads.bytes.all + count.all * EACH;
    if (busy && !paused) this.samples.push({ now, work, sent: uploads.sent });
    else this.samples = [];
    while (this.samples.length > 2 && now - this.samples[0].now > WINDOW) this.samples.shift();
    const quick = count.all + count.leftOut <= 1 && (!busy || now - this.began < SHOWN);
    this.panel.hidden = quick || count.all + count.leftOut === 0;
    this.part("bar").value = whole > 0 ? work / whole : 0;
    this.part("title").textContent = this.title(uploads);
    this.part("figures").textContent = this.figures(uploads, whole - work);
    this.part("outcome").textContent = this.outcome(uploads);
    this.buttons(uploads);
    this.speak(uploads, now);
  }

  title({ busy, paused, why, looking, count, broken }) {
    if (paused) return why || this.words.paused;
    if (looking > 0) return this.words.looking;
    if (busy) return this.words.running;
    if (broken.size > 0) return this.words.brokenEnd;
    return count.stopped > 0 ? this.words.stopped : this.words.finished;
  }

  figures({ count, bytes, sent, busy, paused }, rest) {
    const { words } = this;
    const parts = [
      fill(words.files, { done: number(count.done), all: number(count.all) }),
      fill(words.bytes, { done: size(sent), all: size(bytes.all) }),
    ];
    const first = this.samples[0];
    const last = this.samples.at(-1);
    const seconds = first ? (last.now - first.now) / 1000 : 0;
    if (busy && !paused && seconds >= 1 && last.work > first.work) {
      parts.push(speed((last.sent - first.sent) / seconds));
      const left = (rest * seconds) / (last.work - first.work);
      parts.push(fill(words.left, { time: duration(left) }));
    }
    return parts.join(" · ");
  }

  outcome({ count, broken }) {
    const { words } = this;
    const sums = { ...count, interrupted: broken.size };
    return [
      [words.sumTaken, sums.taken],
      [words.sumNewer, sums.newer],
      [words.sumThere, sums.there],
      [words.sumRefused, sums.refused],
      [words.sumInterrupted, sums.interrupted],
      [words.sumStopped, sums.stopped],
      [words.sumLeftOut, sums.leftOut],
    ]
      .filter(([, n]) => n > 0)
      .map(([template, n]) => fill(template, { n: number(n) }))
      .join(" · ");
  }

  buttons({ busy, paused, broken }) {
    const show = (name, on) => {
      this.part(name).hidden = !on;
    };
    show("pause", busy && !paused);
    show("resume", busy && paused);
    show("stop", busy);
    show("again", !busy && broken.size > 0);
    show("close", !busy);
  }

  speak(uploads, now) {
    const state = `${uploads.busy}${uploads.paused}`;
    if (state === this.state && (!uploads.busy || now - this.spoke < SAYS)) return;
    this.state = state;
    this.spoke = now;
    const { count } = uploads;
    const files = fill(this.words.files, { done: number(count.done), all: number(count.all) });
    const sums = uploads.busy ? "" : this.outcome(uploads);
    this.said.textContent = [this.title(uploads), files, sums].filter(Boolean).join(". ");
  }
}
