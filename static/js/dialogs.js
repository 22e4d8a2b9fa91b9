// [data-opens="ID"] opens that <dialog>; [data-closes] inside one closes it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    document.getElementById(opener.dataset.opens)?.showModal();
    event.preventDefault();
  }
  const closer = event.target.closest("dialog [data-closes]");
  if (closer) {
    closer.closest("dialog").close();
    event.preventDefault();
  }
});
