// The address follows the search, so that it can be kept; back and forward ask for it anew.
const results = document.getElementById("results");

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== results) return;
  const address = event.detail.pathInfo.finalRequestPath;
  if (new URL(address, location.href).href !== location.href) history.pushState(null, "", address);
});

addEventListener("popstate", () => location.reload());
