// A model file goes up in pieces before its form is sent: no request is larger than a page's form.
const PIECE = 2_000_000;
const TRIES = 3;

const form = document.querySelector("[data-model-upload]");
const part = (name) => form.querySelector(`[data-${name}]`);

async function call(method, address, body, type) {
  const headers = { "X-CSRFToken": document.body.dataset.csrf, "Content-Type": type };
  const response = await fetch(address, { method, headers, body });
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(found.detail || form.dataset.failed), { final: true });
  return found;
}

async function again(work) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      // What the server refused stays refused; a broken connection may come back.
      if (error.final || tried === TRIES) throw error.final ? error : new Error(form.dataset.failed);
      await new Promise((resolve) => setTimeout(resolve, 1000 * tried));
    }
  }
}

function show(done, total) {
  part("progress").hidden = false;
  part("progress").querySelector("progress").value = done / total;
  const percent = (done / total).toLocaleString(document.documentElement.lang, { style: "percent" });
  part("said").textContent = `${form.dataset.sending} ${percent}`;
}

async function send(file) {
  const root = form.dataset.modelUpload;
  const about = JSON.stringify({ file: file.name, bytes: file.size });
  const { id } = await call("POST", root, about, "application/json");
  for (let at = 0; at < file.size; ) {
    const piece = file.slice(at, at + PIECE);
    const address = `${root}/${id}?offset=${at}`;
    const { bytes } = await again(() => call("PUT", address, piece, "application/octet-stream"));
    at = bytes;
    show(at, file.size);
  }
  form.elements.upload.value = id;
  form.elements.file.value = file.name;
}

async function submit(event) {
  const chosen = document.getElementById("model-file").files[0];
  if (!chosen || form.elements.upload.value) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  part("problem").textContent = "";
  form.elements.path.value = "";
  try {
    await send(chosen);
    form.submit();
  } catch (error) {
    part("problem").textContent = error.message;
    part("progress").hidden = true;
    button.disabled = false;
  }
}

part("choose").hidden = false;
form.addEventListener("submit", submit);
