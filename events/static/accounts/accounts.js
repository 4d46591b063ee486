// Whoever makes an account lives, most likely, in the zone of their browser.
for (const field of document.querySelectorAll("[data-own-zone]")) {
  if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", (click) => {
    if (!confirm(button.dataset.ask)) click.preventDefault();
  });
}
