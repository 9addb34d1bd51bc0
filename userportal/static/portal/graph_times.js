/* Times of graphs: the JSON has them in UTC, the reader sees the own zone. */
"use strict";

window.portal.times = (() => {
  const UTC_TIME = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|\+00:00)?$/;
  const LOCAL_TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?)?/;
  const two = (number) => String(number).padStart(2, "0");

  const isTime = (value) => typeof value === "string" && UTC_TIME.test(value);

  /* Return the Date of a time of the JSON. */
  function dateOf(text) {
    const [, year, month, day, hour, minute, second = "0"] = UTC_TIME.exec(text);
    return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  }

  /* Return a time of the JSON as plotly shall show it: plotly knows no zones. */
  function toLocal(text) {
    const date = dateOf(text);
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }

  /* Return epoch seconds of a time that plotly shows; NaN if it is none. */
  function toEpoch(shown) {
    if (typeof shown === "number") return epochOfPlotlyNumber(shown);
    const found = LOCAL_TIME.exec(String(shown));
    if (!found) return NaN;
    const [, year, month, day, hour = 0, minute = 0, second = 0] = found.map((part) => part && Number(part));
    return new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
  }

  /* plotly counts the milliseconds of a shown time as if it were UTC. */
  function epochOfPlotlyNumber(milliseconds) {
    return toEpoch(new Date(milliseconds).toISOString().replace("Z", ""));
  }

  const converted = (value) => {
    if (Array.isArray(value)) return value.map(converted);
    return isTime(value) ? toLocal(value) : value;
  };

  const withTimes = (thing, names) => {
    const copy = { ...thing };
    for (const name of names) if (name in copy) copy[name] = converted(copy[name]);
    return copy;
  };

  /* Return a figure with all its times in the reader's zone. */
  function localFigure(figure) {
    const layout = { ...figure.layout };
    for (const key of Object.keys(layout)) {
      if (/^xaxis\d*$/.test(key)) layout[key] = withTimes(layout[key], ["range", "tickvals"]);
    }
    if (layout.shapes) layout.shapes = layout.shapes.map((shape) => withTimes(shape, ["x0", "x1"]));
    if (layout.annotations) layout.annotations = layout.annotations.map((note) => withTimes(note, ["x"]));
    return { ...figure, layout, data: figure.data.map((trace) => withTimes(trace, ["x", "base"])) };
  }

  /* Tell whether a figure is drawn over time. */
  const isOverTime = (figure) => figure.data.some((trace) => isTime((trace.base ?? trace.x ?? [])[0]) || isTime((trace.x ?? [])[0]));

  return { isTime, dateOf, toLocal, toEpoch, localFigure, isOverTime };
})();
