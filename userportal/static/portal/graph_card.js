/* A card with a graph: it loads, draws, zooms, and tells what went wrong. */
"use strict";

window.portal.GraphCard = (() => {
  const { gettext, make, debounced } = window.portal;
  const { times, look, graphData, fetchGraph } = window.portal;
  const SHORTEST_SECONDS = 60;
  const ICONS = {
    earlier: "M10 3L5 8l5 5", later: "M6 3l5 5-5 5", closer: "M8 3v10M3 8h10", wider: "M3 8h10",
    whole: "M3 8a5 5 0 1 0 1.5-3.5M3 2.5V5h2.5", filter: "M2 3h12L9.5 8.5V13l-3-1.5v-3z",
    table: "M2 3h12v10H2zM2 6.5h12M6.5 6.5V13", file: "M8 2v8M4.5 6.5L8 10l3.5-3.5M3 13h10",
    picture: "M2 3h12v10H2zM2 11l4-4 3 3 2-2 3 3",
  };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  return class GraphCard {
    constructor(section) {
      this.section = section;
      this.url = section.dataset.graph;
      this.height = Number(section.dataset.height);
      this.title = section.querySelector("h3").textContent;
      this.drawing = section.querySelector(".drawing");
      this.state = section.querySelector(".graph-state");
      this.toolbar = section.querySelector(".graph-tools");
      this.tabs = [...this.toolbar.querySelectorAll("[data-delta]")];
      this.window = null; // {start, end} in epoch seconds, {delta} in seconds, null: as the server has it
      this.filter = "";
      this.figure = null;
      this.isWanted = false;
      this.drawing.style.minHeight = `${this.height}px`;
      this.addTools();
    }

    addTools() {
      const pressed = this.tabs.find((tab) => tab.getAttribute("aria-pressed") === "true");
      if (pressed) this.window = { delta: Number(pressed.dataset.delta) };
      for (const tab of this.tabs) tab.addEventListener("click", () => this.show({ delta: Number(tab.dataset.delta) }));
      this.buttons = {};
      const add = (name, text, action) => {
        this.buttons[name] = make("button", { type: "button", class: "icon-button", "aria-label": text, title: text, disabled: "", onclick: action }, icon(name));
        this.toolbar.append(this.buttons[name]);
      };
      add("earlier", gettext("Earlier"), () => this.move(-0.5, 0.5));
      add("closer", gettext("Zoom in"), () => this.move(0.25, 0.75));
      add("wider", gettext("Zoom out"), () => this.move(-0.5, 1.5));
      add("later", gettext("Later"), () => this.move(0.5, 1.5));
      add("whole", gettext("Whole time"), () => this.show(null));
      add("filter", gettext("Filter series"), () => this.toggleFilter());
      add("table", gettext("Show as a table"), () => this.toggleTable());
      add("file", gettext("Download as CSV"), () => this.saveData());
      add("picture", gettext("Download as a picture"), () => this.savePicture());
      this.toolbar.addEventListener("keydown", (event) => this.moveFocus(event));
      this.enableTools();
    }

    /* One stop of the tabulator for the toolbar: arrows go from button to button. */
    moveFocus(event) {
      const buttons = [...this.toolbar.querySelectorAll("button:not(:disabled)")];
      const place = buttons.indexOf(document.activeElement);
      const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: buttons.length - 1 };
      const target = buttons[(steps[event.key] + buttons.length) % buttons.length];
      if (place < 0 || !target) return;
      event.preventDefault();
      this.setStop(target);
      target.focus();
    }

    setStop(target) {
      for (const button of this.toolbar.querySelectorAll("button")) button.tabIndex = button === target ? 0 : -1;
    }

    enableTools() {
      const hasData = Boolean(this.figure?.data.length);
      const isOverTime = hasData && times.isOverTime(this.figure);
      const isZoomed = this.window?.start !== undefined;
      for (const [name, button] of Object.entries(this.buttons)) {
        const needsTime = ["earlier", "closer", "wider", "later"].includes(name);
        button.disabled = name === "whole" ? !isZoomed : !hasData || (needsTime && !isOverTime);
        button.hidden = name === "filter" && !(this.figure?.data.length > 1);
      }
      for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(this.window?.delta === Number(tab.dataset.delta)));
      const stop = this.toolbar.querySelector("button[tabindex='0']:not(:disabled, [hidden])") ?? this.toolbar.querySelector("button:not(:disabled, [hidden])");
      this.setStop(stop);
    }

    /* Show a window and tell the page, which may show it in all graphs. */
    show(window_) {
      this.setWindow(window_);
      document.dispatchEvent(new CustomEvent("portal:zoom", { detail: { card: this, window: window_ } }));
    }

    setWindow(window_) {
      this.window = window_;
      this.enableTools();
      if (this.isWanted) this.load();
    }

    /* Show what lies between two parts of what is shown: 0 its beginning, 1 its end. */
    move(from, to) {
      const [start, end] = this.drawing.layout.xaxis.range.map(times.toEpoch);
      this.zoom(start + from * (end - start), start + to * (end - start));
    }

    zoom(start, end) {
      if (!Number.isFinite(start) || !Number.isFinite(end)) return;
      const middle = (start + end) / 2;
      const half = Math.max(end - start, SHORTEST_SECONDS) / 2;
      const last = Math.min(Math.ceil(middle + half), Math.ceil(Date.now() / 1000));
      const first = Math.min(Math.floor(middle - half), last - SHORTEST_SECONDS);
      this.show({ start: first, end: last });
    }

    address() {
      const address = new URL(this.url, location.href);
      for (const [name, value] of Object.entries(this.window ?? {})) address.searchParams.set(name, value);
      return address;
    }

    async load() {
      this.isWanted = true;
      this.stop?.abort();
      this.stop = new AbortController();
      const { signal } = this.stop;
      this.drawing.hidden = false;
      this.tell(gettext("Loading…"), "loading");
      try {
        const figure = await fetchGraph(this.address(), signal);
        if (signal.aborted) return;
        this.figure = figure;
        await this.draw();
      } catch (error) {
        if (!signal.aborted) this.fail(error);
      }
    }

    fail(error) {
      const again = make("button", { type: "button", onclick: () => this.load() }, gettext("Try again"));
      const isExpected = error instanceof window.portal.Told;
      if (!isExpected) console.error(error);
      this.drawing.hidden = !this.figure?.data.length;
      this.tell(isExpected ? error.message : gettext("The graph could not be drawn."), "failed", again);
    }

    /* Say something below the drawing, or nothing. */
    tell(text, kind = "", ...more) {
      this.section.setAttribute("aria-busy", String(kind === "loading"));
      this.state.className = `graph-state ${kind}`;
      this.state.replaceChildren(text, ...more);
      this.state.hidden = !text;
      this.drawing.classList.toggle("faint", kind !== "" && Boolean(this.figure));
    }

    async draw() {
      const isEmpty = !this.figure.data.length;
      const summary = this.section.querySelector(".graph-summary");
      summary.textContent = isEmpty ? gettext("No data") : graphData.summaryOf(this.figure);
      this.drawing.hidden = isEmpty;
      this.enableTools();
      this.refreshTable();
      if (isEmpty) return this.tell(gettext("No data for this time."), "empty");
      const local = times.localFigure(this.figure);
      await window.Plotly.react(this.drawing, look.traces(local, this.filter), look.layout(local, this.height), look.config(local));
      if (!this.isHeard) this.listen();
      return this.tell("");
    }

    listen() {
      this.isHeard = true;
      const zoomed = debounced((start, end) => this.zoom(start, end), 150);
      this.drawing.on("plotly_relayout", (change) => {
        if (!times.isOverTime(this.figure)) return;
        const [start, end] = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
        if (start !== undefined && end !== undefined) zoomed(times.toEpoch(start), times.toEpoch(end));
        else if (change["xaxis.autorange"]) this.show(null);
      });
    }

    redraw() {
      if (this.figure?.data.length) this.draw();
    }

    setFilter(text) {
      this.filter = text;
      this.redraw();
    }

    toggleFilter() {
      const row = this.section.querySelector(".graph-filter");
      if (row) {
        row.remove();
        this.setFilter("");
        return;
      }
      const input = make("input", { type: "search", "aria-label": gettext("Part of the name of a series"), placeholder: gettext("part of a name"), maxlength: 100 });
      input.addEventListener("input", debounced(() => this.setFilter(input.value), 150));
      this.drawing.before(make("div", { class: "graph-filter" }, input));
      input.focus();
    }

    toggleTable() {
      const shown = this.section.querySelector(".graph-table");
      this.buttons.table.setAttribute("aria-expanded", String(!shown));
      if (shown) shown.remove();
      else this.section.append(make("div", { class: "graph-table", tabindex: 0, role: "region", "aria-label": this.title }, graphData.tableElement(this.figure)));
    }

    refreshTable() {
      this.section.querySelector(".graph-table")?.replaceChildren(graphData.tableElement(this.figure));
    }

    fileName() {
      return this.section.id.replace(/[^\w-]+/g, "-");
    }

    saveData() {
      graphData.download(`${this.fileName()}.csv`, graphData.csvOf(this.figure), "text/csv");
    }

    async savePicture() {
      const { width, height } = this.drawing.getBoundingClientRect();
      const svg = await window.Plotly.toImage(this.drawing, { format: "svg", width, height });
      const content = await graphData.pictureOf(svg, width, height, look.colour("surface"));
      graphData.download(`${this.fileName()}.png`, content, "image/png");
    }
  };
})();
