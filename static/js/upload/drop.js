// Files dropped anywhere on the page, or chosen, are sent one after the other with a bar each.
import { row } from "./row.js";
import { send } from "./send.js";

// One after the other, like the uploads: of two at once htmx would drop one.
function refresh() {
  const { url } = document.querySelector("#documents > [data-url]").dataset;
  return htmx.ajax("GET", url, { target: "#documents", swap: "innerHTML" }).catch(() => {
    // The next poll or upload shows the same rows.
  });
}

const form = document.querySelector("[data-upload]");

if (form) {
  const box = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector(".uploads");
  const waiting = [];
  let busy = false;

  const work = async () => {
    if (busy) return;
    busy = true;
    while (waiting.length > 0) {
      const { file, line } = waiting.shift();
      line.sending();
      line.ended(await send(form, file, line.progress));
      await refresh();
    }
    busy = false;
  };

  const take = (files) => {
    for (const file of files) {
      const line = row(form.dataset, file.name);
      list.prepend(line.element);
      waiting.push({ file, line });
    }
    work();
  };

  form.querySelector("[data-plain]").hidden = true;
  const chosen = () => {
    take(input.files);
    input.value = "";
  };
  input.addEventListener("change", chosen);
  // Files that were chosen before this script ran.
  if (input.files.length > 0) chosen();

  const over = (on) => box.classList.toggle("over", on);
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
    take(event.dataTransfer.files);
  });
  addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
}
