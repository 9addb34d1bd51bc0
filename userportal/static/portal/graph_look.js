/* How graphs look: the page's colours, its language, and a layout that leaves room for data. */
"use strict";

window.portal.look = (() => {
  const root = document.documentElement;
  const PALETTE = ["1", "2", "3", "4", "5", "6", "7", "8"];
  const DASHES = ["solid", "dash", "dot"];
  const LEGEND_SERIES = 20;
  const NARROW_LEGEND_SERIES = 6; // one name a line
  const LEGEND_PIXELS = 76; // four lines: what is beyond is scrolled to, so that the drawing has room
  const UNIFIED_SERIES = 12;

  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const titled = (title) => (typeof title === "string" ? { text: title } : title ?? {});

  /* Teach plotly the names of days and months, the order of the two, and the separators, of the
     page's language; it has English, whose other formats it also takes for what is not said here. */
  function registerLanguage(plotly) {
    if (root.lang === "en") return;
    const names = (count, at, options) => Array.from({ length: count }, (_, place) =>
      new Intl.DateTimeFormat(root.lang, { ...options, timeZone: "UTC" }).format(at(place)));
    const day = (place) => new Date(Date.UTC(2023, 0, 1 + place)); // 2023-01-01 was a Sunday
    const month = (place) => new Date(Date.UTC(2023, place, 1));
    const parts = new Intl.NumberFormat(root.lang).formatToParts(1234567.8);
    const part = (type, otherwise) => parts.find((one) => one.type === type)?.value ?? otherwise;
    const [first] = new Intl.DateTimeFormat(root.lang, { day: "numeric", month: "short" }).formatToParts(0);
    const dayFirst = { dayMonth: "%-d %b", dayMonthYear: "%-d %b %Y" };
    plotly.register({
      moduleType: "locale", name: root.lang, dictionary: {},
      format: {
        days: names(7, day, { weekday: "long" }), shortDays: names(7, day, { weekday: "short" }),
        months: names(12, month, { month: "long" }), shortMonths: names(12, month, { month: "short" }),
        decimal: part("decimal", "."), thousands: part("group", ","),
        ...(first.type === "day" && dayFirst),
      },
    });
  }

  function axis(own, extra) {
    return {
      gridcolor: colour("line"), linecolor: colour("control"), zerolinecolor: colour("control"),
      automargin: true, ...own, title: { standoff: 8, ...titled(own?.title) }, ...extra,
    };
  }

  /* Return the layout of a figure: what the JSON says, in the colours and the size of the page. */
  function layout(figure, height) {
    const { title, ...own } = figure.layout ?? {}; // the card has the title
    // One name a line where there is little room: plotly else tries several columns without an end.
    const isNarrow = matchMedia("(max-width: 30rem)").matches;
    const narrow = isNarrow ? { entrywidth: 1, entrywidthmode: "fraction" } : {};
    const mostNames = isNarrow ? NARROW_LEGEND_SERIES : LEGEND_SERIES;
    const shown = {
      ...own, height, autosize: true,
      margin: { l: 48, r: 14, t: 10, b: 34, ...own.margin },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
      colorway: PALETTE.map((number) => colour(`series-${number}`)),
      hovermode: own.hovermode ?? (figure.data.length > UNIFIED_SERIES ? "closest" : "x unified"),
      hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("control"), font: { color: colour("ink") }, namelength: 40 },
      showlegend: own.showlegend ?? (figure.data.length > 1 && figure.data.length <= mostNames),
      // At the foot of the card: below the axis the date of its first label may stand.
      legend: { orientation: "h", xref: "container", yref: "container", y: 0, yanchor: "bottom", x: 0.02, font: { size: 11 }, maxheight: LEGEND_PIXELS, ...narrow, ...own.legend },
      // A finger scrolls the page; the buttons of the card zoom.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      // Labels that turn, or stand out at a side, change the margins, by which they may turn back.
      xaxis: axis({ hoverformat: "%Y-%m-%d %H:%M", tickangle: 0, ...own.xaxis }, { automargin: "height" }),
    };
    for (const key of Object.keys({ yaxis: 0, ...own })) {
      if (/^yaxis\d*$/.test(key)) shown[key] = axis(own[key], { fixedrange: true, automargin: "width" });
    }
    return shown;
  }

  /* Return the marker of bars with parts of 1 as shades: plotly complains of its own scales. */
  function shaded(marker) {
    const parts = Array.isArray(marker?.color) ? marker.color : [];
    if (!parts.length || parts.some((part) => typeof part !== "number")) return marker;
    const { colorscale, cmin, cmax, ...own } = marker;
    return { ...own, color: parts.map((part) => `rgba(52, 148, 201, ${0.25 + 0.75 * Math.min(Math.max(part, 0), 1)})`) };
  }

  /* Return the traces of a figure; those whose name does not have the filter in it are left out. */
  function traces(figure, filter) {
    const wanted = filter.trim().toLowerCase();
    return figure.data.map((trace, place) => {
      const isLine = (trace.type ?? "scatter") === "scatter" && !trace.mode?.includes("markers");
      const round = Math.floor(place / PALETTE.length) % DASHES.length;
      const line = isLine ? { width: 1.6, dash: trace.stackgroup ? "solid" : DASHES[round], ...trace.line } : trace.line;
      const visible = !wanted || (trace.name ?? "").toLowerCase().includes(wanted) ? trace.visible ?? true : false;
      const marker = trace.type === "bar" ? shaded(trace.marker) : trace.marker;
      return { ...trace, ...(marker && { marker }), ...(isLine && { mode: trace.mode ?? "lines" }), ...(line && { line }), visible };
    });
  }

  const config = (figure) => ({
    ...figure.config, responsive: true, displayModeBar: false, displaylogo: false,
    showTips: false, locale: root.lang,
  });

  return { registerLanguage, layout, traces, config, colour };
})();
