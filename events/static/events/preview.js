"use strict";
// Beside a form: what its present values mean. The server computes; this only asks again when they change, and puts
// what it says of a field below that field.
(() => {
  const panel = document.getElementById("firings");
  const form = panel && document.getElementById(panel.dataset.form);
  if (!form) return;
  const PAUSE = 350;
  let asked = "";
  let timer = 0;
  let request = null;

  const told = (value) => (value instanceof File ? [value.name, value.size, value.lastModified] : value);
  const values = (data) => JSON.stringify([...data].map(([name, value]) => [name, told(value)]));

  const placeProblems = () => {
    for (const old of form.querySelectorAll(".pn-beside-field")) old.remove();
    for (const problem of panel.querySelectorAll("[data-field]")) {
      const field = form.querySelector(`[name="${CSS.escape(problem.dataset.field)}"]`);
      const home = field?.type !== "hidden" && field?.closest(".field-line, .form-row, .grow");
      if (!home) continue;
      problem.querySelector("strong")?.remove();
      problem.classList.add("pn-beside-field");
      field.closest("details")?.setAttribute("open", "");
      home.append(problem);
    }
  };

  const ask = async () => {
    const data = new FormData(form);
    const now = values(data);
    if (now === asked) return;
    asked = now;
    request?.abort();
    request = new AbortController();
    try {
      const answer = await fetch(panel.dataset.source, { method: "POST", body: data, signal: request.signal });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      panel.innerHTML = await answer.text();
      placeProblems();
    } catch (error) {
      if (error.name === "AbortError") return;
      panel.textContent = `The preview is not available: ${error.message}.`;
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };

  asked = values(new FormData(form));
  // The pickers of dates and entities set values without a native event, but all of them move the focus.
  for (const event of ["input", "change", "focusin", "click"]) form.addEventListener(event, soon);
  window.django?.jQuery?.(form).on("change", soon);
})();
