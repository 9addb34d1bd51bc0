// Which jobs differ from the others, by which feature, and where the cause may be.

const SVG = "http://www.w3.org/2000/svg";
const STRIP = { width: 1000, left: 170, right: 120, height: 54 };
const FEATURE_TEXTS = {
  duration: timeText,
  cpu_time: timeText,
  usertime: timeText,
  systemtime: timeText,
  rssmax: memoryText,
  peak_rss: memoryText,
  rchar: bytesText,
  wchar: bytesText,
  read_bytes: bytesText,
  write_bytes: bytesText,
};

function totalCounts(outliers) {
  return DATA.jobs.map((_job, number) =>
    outliers.features.reduce((sum, one) => sum + one.counts[number], 0),
  );
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return a picture with a strip for each feature, and a point on it for each job. */
function strips(outliers) {
  const tall = outliers.features.length * STRIP.height;
  const picture = svg("svg", {
    viewBox: `0 0 ${STRIP.width} ${tall}`,
    role: "img",
    "aria-label": "Values of the jobs by feature",
  });
  outliers.features.forEach((feature, number) => {
    picture.append(...strip(feature, (number + 0.5) * STRIP.height));
  });
  return picture;
}

function strip(feature, y) {
  const text = FEATURE_TEXTS[feature.name] || countText;
  const least = Math.min(...feature.values);
  const most = Math.max(...feature.values);
  const room = STRIP.width - STRIP.left - STRIP.right;
  const place = (value) =>
    STRIP.left + (most > least ? (value - least) / (most - least) : 0.5) * room;
  const parts = [
    svg("text", { x: 0, y: y + 4 }, feature.name),
    svg("line", { class: "axis", x1: STRIP.left, x2: STRIP.width - STRIP.right, y1: y, y2: y }),
    svg(
      "text",
      { class: "quiet", x: place(least), y: y + 22, "text-anchor": "middle" },
      text(least),
    ),
  ];
  if (most > least)
    parts.push(
      svg(
        "text",
        { class: "quiet", x: STRIP.width - STRIP.right, y: y + 22, "text-anchor": "middle" },
        text(most),
      ),
    );
  feature.values.forEach((value, number) => {
    const isFar = feature.counts[number] > 0;
    const title = svg("title", {}, `${DATA.jobs[number].facts.job}: ${text(value)}`);
    parts.push(
      svg(
        "circle",
        { class: isFar ? "far" : "dot", cx: place(value), cy: y, r: isFar ? 7 : 5 },
        title,
      ),
    );
  });
  return parts;
}

function outlierTable(outliers) {
  const totals = totalCounts(outliers);
  const head = ["job", ...outliers.features.map((one) => one.name), "differs most in"];
  const order = totals.map((_count, number) => number).sort((a, b) => totals[b] - totals[a]);
  const rows = order.map((number) => {
    const cells = [
      element("td", totals[number] ? { class: "outlier" } : {}, DATA.jobs[number].facts.job),
    ];
    for (const one of outliers.features) {
      const text = FEATURE_TEXTS[one.name] || countText;
      const count = one.counts[number];
      const said = count ? ` \u25cf ${count} of ${outliers.methods}` : "";
      cells.push(element("td", count ? { class: "outlier" } : {}, text(one.values[number]) + said));
    }
    const causes = outliers.causes[number].map(
      ([name, ratio]) =>
        `${name} ${ratio === null ? "(others never differ)" : `${countRatio(ratio)}\u00d7`}`,
    );
    cells.push(element("td", { class: "left" }, causes.join(", ")));
    return element("tr", {}, ...cells);
  });
  const headRow = element(
    "tr",
    {},
    ...head.map((name, place) =>
      element("th", { scope: "col", class: place === head.length - 1 ? "left" : null }, name),
    ),
  );
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { id: "outliers-table" },
      element("thead", {}, headRow),
      element("tbody", {}, ...rows),
    ),
  );
}

function countRatio(ratio) {
  return ratio >= 100 ? countText(ratio) : String(ratio);
}

function outlierSection(outliers) {
  const count = totalCounts(outliers).filter((one) => one).length;
  const said = count
    ? `${count} of ${DATA.jobs.length} jobs ${count === 1 ? "is an outlier" : "are outliers"} by ` +
      `at least one of ${outliers.methods} methods.`
    : `None of the ${DATA.jobs.length} jobs is an outlier.`;
  return section(
    "outliers",
    "Outliers",
    element("p", {}, said),
    element("figure", {}, strips(outliers)),
    outlierTable(outliers),
    element(
      "p",
      { class: "muted" },
      "\u201cDiffers most in\u201d: how many times as far from the middle a value is as that ",
      "of any job that is no outlier.",
    ),
  );
}
