/* The data of a graph without the drawing: in words, as a table, as a file. */
"use strict";

window.portal.graphData = (() => {
  const { gettext, ngettext, fill, make, numberText, timeText } = window.portal;
  const { times } = window.portal;
  const TOLD_SERIES = 6;
  const SHOWN_ROWS = 500;
  const SHOWN_COLUMNS = 30;

  /* Return {columns: names, rows: [[x, value of each column]]} of the JSON's figure. */
  function tableOf(figure) {
    const rows = new Map();
    figure.data.forEach((trace, place) => {
      const isAcross = trace.orientation === "h";
      const [keys, values] = isAcross ? [trace.y, trace.x] : [trace.x, trace.y];
      (keys ?? []).forEach((key, number) => {
        if (!rows.has(key)) rows.set(key, []);
        rows.get(key)[place] = values?.[number];
      });
    });
    const columns = figure.data.map((trace, place) => trace.name ?? `${place + 1}`);
    const found = [...rows].map(([key, values]) => [key, ...columns.map((_, place) => values[place] ?? null)]);
    if (times.isOverTime(figure)) found.sort(([one], [other]) => (one < other ? -1 : 1));
    return { columns, rows: found };
  }

  /* A spreadsheet must not take a name for a formula. */
  function csvField(value) {
    let text = value === null || value === undefined ? "" : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /* Return the data as CSV, times in UTC. */
  function csvOf(figure) {
    const { columns, rows } = tableOf(figure);
    const keyed = ([key, ...values]) => [times.isTime(key) ? times.dateOf(key).toISOString() : key, ...values];
    const head = times.isOverTime(figure) ? "time" : "name";
    return [[head, ...columns], ...rows.map(keyed)].map((row) => `${row.map(csvField).join(",")}\r\n`).join("");
  }

  function download(name, content, kind) {
    const url = URL.createObjectURL(new Blob([content], { type: kind }));
    const link = make("a", { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /* Return a promise of a PNG of an SVG's data URL. plotly's own way takes a blob for an image,
     which the security policy forbids. */
  async function pictureOf(svg, width, height, ground) {
    const scale = 2;
    const image = new Image();
    image.src = svg;
    await image.decode();
    const canvas = make("canvas", { width: width * scale, height: height * scale });
    const pen = canvas.getContext("2d");
    pen.fillStyle = ground;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  /* Return a table element of the data. */
  function tableElement(figure) {
    const { columns, rows } = tableOf(figure);
    const kept = columns.slice(0, SHOWN_COLUMNS);
    const head = times.isOverTime(figure) ? gettext("Time") : gettext("Name");
    const titles = [head, ...kept].map((name, place) => make("th", { scope: "col", class: place ? "number" : "" }, name));
    const lines = rows.slice(0, SHOWN_ROWS).map(([key, ...values]) => {
      const text = times.isTime(key) ? timeText(times.dateOf(key)) : String(key);
      const cells = values.slice(0, SHOWN_COLUMNS).map((value) =>
        make("td", { class: "number" }, typeof value === "number" ? numberText(value, 3) : String(value ?? "")));
      return make("tr", {}, make("th", { scope: "row", class: "moment" }, text), ...cells);
    });
    return make("table", { class: "listing" }, make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...lines));
  }

  /* Return a sentence or two for those who do not see the drawing. */
  function summaryOf(figure) {
    const count = figure.data.length;
    const told = figure.data.slice(0, TOLD_SERIES).map((trace) => {
      const values = (trace.orientation === "h" ? trace.x : trace.y ?? []).filter((value) => typeof value === "number");
      if (!values.length) return trace.name ?? "";
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
      return fill(gettext("%(name)s: mean %(mean)s, highest %(highest)s"), {
        name: trace.name ?? "", mean: numberText(mean, 2), highest: numberText(highest, 2),
      });
    });
    const first = fill(ngettext("%(count)s series.", "%(count)s series.", count), { count });
    return `${first} ${told.join("; ")}${count > TOLD_SERIES ? "; …" : ""}`;
  }

  return { tableOf, csvOf, tableElement, summaryOf, pictureOf, download };
})();
