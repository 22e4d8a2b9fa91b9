// Sends one file. XMLHttpRequest, because fetch cannot say how much has gone out.
function outcome(request, words) {
  if (request.status === 413) return { ok: false, detail: words.tooLarge };
  if (request.status === 403) return { ok: false, detail: words.signedOut };
  try {
    const { documents, refused } = JSON.parse(request.responseText);
    if (refused.length > 0) return { ok: false, detail: refused[0].detail };
    return { ok: true, created: documents[0].created, note: documents[0].note };
  } catch {
    // The sign-in page instead of an answer: the session is over.
    const detail = request.status === 200 ? words.signedOut : words.broken;
    return { ok: false, detail };
  }
}

export function send(form, file, onProgress) {
  const body = new FormData();
  body.append("file", file, file.name);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", document.body.dataset.csrf);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => resolve(outcome(request, form.dataset)));
    request.addEventListener("error", () => resolve({ ok: false, detail: form.dataset.broken }));
    request.addEventListener("abort", () => resolve({ ok: false, detail: form.dataset.broken }));
    request.send(body);
  });
}
