/* The graphs of a page: each is loaded as it comes near, and some tools are for all of them. */
"use strict";

(() => {
  const { gettext, debounced, GraphCard, look, Told } = window.portal;
  const NEAR_PIXELS = 400;
  const cards = [...document.querySelectorAll("[data-graph]")].map((section) => new GraphCard(section));
  const tools = document.querySelector("[data-graph-tools]");

  function loadWhenNear() {
    const bySection = new Map(cards.map((card) => [card.section, card]));
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        observer.unobserve(entry.target);
        bySection.get(entry.target).load();
      }
    }, { rootMargin: `${NEAR_PIXELS}px 0px` });
    for (const card of cards) observer.observe(card.section);
  }

  function showInAll(window_) {
    for (const card of cards) card.setWindow(window_);
  }

  function useTools() {
    const tabs = [...tools.querySelectorAll("[data-delta]")];
    const press = (chosen) => tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab === chosen)));
    const first = tabs.find((tab) => tab.getAttribute("aria-pressed") === "true");
    const deltaOf = (tab) => ({ delta: Number(tab.dataset.delta) });
    for (const card of cards) if (first && !card.tabs.length) card.setWindow(deltaOf(first));
    for (const tab of tabs) {
      tab.addEventListener("click", () => {
        press(tab);
        showInAll(deltaOf(tab));
      });
    }
    const filter = (text) => cards.forEach((card) => card.setFilter(text));
    tools.elements.series.addEventListener("input", debounced((event) => filter(event.target.value), 150));
    tools.addEventListener("submit", (event) => event.preventDefault());
    tools.addEventListener("reset", () => {
      press(first);
      filter("");
      showInAll(first ? deltaOf(first) : null);
    });
    document.addEventListener("portal:zoom", ({ detail }) => {
      if (!tools.elements.linked.checked) return;
      for (const card of cards) if (card !== detail.card) card.setWindow(detail.window);
    });
  }

  if (!window.Plotly) {
    const error = new Told(gettext("The script that draws graphs did not load."));
    for (const card of cards) card.fail(error);
    return;
  }
  look.registerLanguage(window.Plotly);
  document.addEventListener("portal:colours", () => cards.forEach((card) => card.redraw()));
  if (tools) useTools();
  loadWhenNear();
})();
