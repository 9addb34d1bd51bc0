/* The bars of a node's jobs lead to the jobs: by a click, and by links below for the keyboard. */
"use strict";

(() => {
  const { gettext, make } = window.portal;
  const MOST_LINKS = 500;

  /* Return the address of a job's page, "" for a bar that has none. */
  function addressOf(pattern, [user, job] = []) {
    if (!pattern || !user || !job) return "";
    const parts = pattern.split("/");
    const filled = parts.map((part) => (part === "USERNAME" ? encodeURIComponent(user) : part === "0" ? encodeURIComponent(job) : part));
    return filled.join("/");
  }

  function follow(pattern, event) {
    const address = addressOf(pattern, event.points[0]?.customdata);
    if (!address) return;
    if (event.event?.ctrlKey || event.event?.metaKey) window.open(address, "_blank", "noopener");
    else location.assign(address);
  }

  /* Show all jobs of a drawing as links, once each. */
  function listJobs(section, drawing, pattern) {
    const jobs = new Map();
    for (const trace of drawing.data) for (const page of trace.customdata ?? []) if (addressOf(pattern, page)) jobs.set(page[1], page);
    section.querySelector(".node-jobs")?.remove();
    if (!jobs.size) return;
    const links = [...jobs.values()].slice(0, MOST_LINKS).map((page) =>
      make("li", {}, make("a", { href: addressOf(pattern, page) }, `${page[1]} ${page[0]}`)));
    section.append(make("details", { class: "node-jobs" }, make("summary", {}, gettext("Links to the jobs")), make("ul", { class: "plain" }, ...links)));
  }

  /* Give each lane the same room: the card knows one height only. */
  function fit(drawing) {
    const height = drawing.layout.meta?.height;
    if (height && drawing.layout.height !== height) window.Plotly.relayout(drawing, { height });
  }

  function listen(section, drawing, pattern) {
    const drawn = () => {
      listJobs(section, drawing, pattern);
      fit(drawing);
    };
    drawing.on("plotly_click", (event) => follow(pattern, event));
    drawing.on("plotly_afterplot", drawn);
    drawn();
  }

  /* plotly gives a drawing its listeners with the first drawing, and marks it with a class. */
  function whenDrawn(drawing, action) {
    const isDrawn = () => drawing.classList.contains("js-plotly-plot") && drawing.data;
    if (isDrawn()) {
      action();
      return;
    }
    const observer = new MutationObserver(() => {
      if (!isDrawn()) return;
      observer.disconnect();
      action();
    });
    observer.observe(drawing, { attributes: true, childList: true, attributeFilter: ["class"] });
  }

  for (const part of document.querySelectorAll("[data-node-jobs]")) {
    for (const section of part.querySelectorAll("[data-graph]")) {
      const drawing = section.querySelector(".drawing");
      whenDrawn(drawing, () => listen(section, drawing, part.dataset.nodeJobs));
    }
  }
})();
