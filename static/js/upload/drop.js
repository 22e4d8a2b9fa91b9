// Files and folders dropped anywhere on the page, or chosen, are sent two at once.
import { List } from "./list.js";
import { Total } from "./total.js";
import { Uploads } from "./uploads.js";
import { chosen, dropped } from "./walk.js";

const DRAWS = 250;
const REFRESHES = 3000;
// Files taken in before the page may draw and listen again.
const BREATH = 200;

const form = document.querySelector("[data-upload]");

// One after the other: of two requests at once htmx would drop one.
function refresh() {
  const { url } = document.querySelector("#documents > [data-url]").dataset;
  return htmx.ajax("GET", url, { target: "#documents", swap: "innerHTML" }).catch(() => {
    // The next poll or upload shows the same rows.
  });
}

function begin() {
  const part = (name) => form.querySelector(`[data-${name}]`);
  const again = (item) => uploads.again([item]);
  const list = new List(part("list"), part("more"), form.dataset, again);
  const total = new Total(part("sum"), part("said"), form.dataset);
  const uploads = new Uploads(form, {
    added: (item) => list.added(item),
    started: (item) => list.started(item),
    progress: (item) => list.progress(item),
    ended: (item, outcome) => list.ended(item, outcome, uploads.count.all),
    changed: () => watch(),
  });
  let timer = 0;
  let fresh = 0;
  let stale = false;
  let asking = false;

  const renew = async () => {
    stale = false;
    asking = true;
    await refresh();
    asking = false;
    fresh = performance.now();
    if (stale) watch();
  };
  const draw = () => {
    total.render(uploads);
    list.counted(uploads.left);
    if (!uploads.busy) {
      clearInterval(timer);
      timer = 0;
    }
    if (stale && !asking && (timer === 0 || performance.now() - fresh > REFRESHES)) renew();
  };
  const watch = () => {
    stale = true;
    if (timer !== 0) return;
    timer = setInterval(draw, DRAWS);
    draw();
  };

  const take = async (found) => {
    if (!uploads.busy && uploads.broken.size === 0) {
      uploads.clear();
      list.clear();
      total.clear();
    }
    uploads.looking += 1;
    let taken = 0;
    for await (const one of found) {
      uploads.add(one);
      taken += 1;
      if (taken % BREATH === 0) {
        uploads.work();
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    uploads.looking -= 1;
    uploads.work();
  };

  const click = (name, act) => part(name).addEventListener("click", act);
  click("pause", () => uploads.pause());
  click("resume", () => uploads.resume());
  click("stop", () => uploads.stop());
  click("again", () => uploads.resume());
  click("close", () => {
    uploads.clear();
    list.clear();
    draw();
  });
  return { take, uploads, part };
}

function listen({ take, uploads, part }) {
  const over = (on) => part("drop").classList.toggle("over", on);
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over(false);
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(false);
    take(dropped(event.dataTransfer));
  });
  addEventListener("beforeunload", (event) => {
    if (uploads.busy) event.preventDefault();
  });
}

// A button for each input: the browser's own would show "no file chosen" in its own language.
function choose({ take, part }, input) {
  const changed = () => {
    take(chosen([...input.files]));
    input.value = "";
  };
  input.addEventListener("change", changed);
  part(`choose-${input.id}`).addEventListener("click", () => input.click());
  // Files that were chosen before this script ran.
  if (input.files.length > 0) changed();
}

if (form) {
  const upload = begin();
  listen(upload);
  for (const input of form.querySelectorAll("input[type=file]")) choose(upload, input);
  upload.part("plain").hidden = true;
  upload.part("scripted").hidden = false;
}
