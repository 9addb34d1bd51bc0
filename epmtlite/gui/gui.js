// What the pages do beyond links and forms; all of them work without it, too.
"use strict";

/** Let the button that compares say how many jobs are chosen. */
function countChosen(form) {
  const button = form.querySelector("#compare");
  if (!button) return;
  const title = button.textContent;
  const show = () => {
    const count = form.querySelectorAll('input[name="job"]:checked').length;
    button.disabled = count < 2;
    button.textContent = count ? `${title} (${count})` : title;
  };
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show); // boxes stay chosen when the browser goes back
  show();
}

/** Make a picture as high as it is, so that there is one bar to scroll. */
function fitHeight(frame) {
  const fit = () => {
    const root = frame.contentDocument && frame.contentDocument.documentElement;
    if (!root || !frame.contentDocument.body) return;
    const set = () => {
      const height = `${Math.ceil(frame.contentDocument.body.getBoundingClientRect().height) + 2}px`;
      if (frame.style.height !== height) frame.style.height = height;
    };
    new ResizeObserver(set).observe(frame.contentDocument.body);
    set();
  };
  frame.addEventListener("load", fit);
  if (frame.contentDocument && frame.contentDocument.readyState === "complete") fit();
}

for (const form of document.querySelectorAll('form[action="/compare"]')) countChosen(form);
for (const frame of document.querySelectorAll("iframe.picture")) fitHeight(frame);

document.addEventListener("keydown", (event) => {
  const box = document.getElementById("filter");
  const isText = event.target.matches("input, textarea, select");
  if (!box || isText || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
  box.select();
});
