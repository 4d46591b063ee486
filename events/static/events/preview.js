"use strict";
// Beside a rule's form: what its present values would fire. The server computes; this only asks again when they change.
(() => {
  const panel = document.getElementById("firings");
  const form = panel && document.getElementById(panel.dataset.form);
  if (!form) return;
  const PAUSE = 350;
  let asked = "";
  let timer = 0;
  let request = null;

  const values = () => new URLSearchParams(new FormData(form)).toString();

  const ask = async () => {
    const body = values();
    if (body === asked) return;
    asked = body;
    request?.abort();
    request = new AbortController();
    try {
      const answer = await fetch(panel.dataset.source, {
        method: "POST",
        body: new URLSearchParams(body),
        signal: request.signal,
      });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      panel.innerHTML = await answer.text();
    } catch (error) {
      if (error.name === "AbortError") return;
      panel.textContent = `The preview is not available: ${error.message}.`;
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };

  asked = values();
  // The pickers of dates and entities set values without a native event, but all of them move the focus.
  for (const event of ["input", "change", "focusin", "click"]) form.addEventListener(event, soon);
  window.django?.jQuery?.(form).on("change", soon);
})();
