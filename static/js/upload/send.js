// Sends one file. XMLHttpRequest, because fetch cannot say how much has gone out.
// What comes of it: { ok } or { detail }; `broken`: it may be sent again; `shut`: so will every other.
function outcome(request, words) {
  if (request.status === 413) return { detail: words.tooLarge };
  if (request.status === 401 || request.status === 403) return shut(words);
  try {
    const { documents, refused } = JSON.parse(request.responseText);
    if (refused.length > 0) return { detail: refused[0].detail, broken: refused[0].again };
    const { created, note, replaces } = documents[0];
    return { ok: true, created, note, replaces };
  } catch {
    // The sign-in page instead of an answer: the session is over.
    return request.status === 200 ? shut(words) : { detail: words.broken, broken: true };
  }
}

const shut = (words) => ({ detail: words.signedOut, broken: true, shut: true });

// Returns { ended, abort }: a promise of what came of it, and how to stop it.
export function send(form, { file, path }, onProgress) {
  const body = new FormData();
  body.append("path", path);
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  const words = form.dataset;
  const ended = new Promise((resolve) => {
    request.addEventListener("load", () => resolve(outcome(request, words)));
    request.addEventListener("error", () => resolve({ detail: words.broken, broken: true }));
    request.addEventListener("abort", () => resolve({ stopped: true }));
  });
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) onProgress(event.loaded / event.total);
  });
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", document.body.dataset.csrf);
  request.send(body);
  return { ended, abort: () => request.abort() };
}
