// Several jobs beside each other: their facts, and which program took how much more.

function factsTable(jobs) {
  const columns = [
    ["job", (facts) => facts.job],
    ["start", (facts) => facts.start],
    ["duration", (facts) => timeText(facts.duration)],
    ["CPU time", (facts) => timeText(facts.cpu)],
    ["processes", (facts) => countText(facts.processes)],
    ["failed", (facts) => countText(facts.failed)],
    ["largest process", (facts) => orUnknown(facts.peak, memoryText)],
    ["read", (facts) => orUnknown(facts.read, bytesText)],
    ["written", (facts) => orUnknown(facts.written, bytesText)],
    ["exit code", (facts) => String(facts.exit)],
    ["user", (facts) => facts.user],
    ["hosts", (facts) => facts.hosts.join(", ")],
  ];
  const head = columns.map(([name]) => element("th", { scope: "col" }, name));
  const rows = jobs.map((job) => {
    const cells = columns.map(([, text]) => element("td", {}, text(job.facts)));
    if (job.isOutlier) cells[0].append(element("span", { class: "outlier" }, " outlier"));
    return element("tr", {}, ...cells);
  });
  const table = element(
    "table",
    { id: "jobs" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  return element("div", { class: "scroll" }, table);
}

const FIRST_DIFFERENCES = 25;
const MOST_COLUMNS = 6; // of jobs; more are summed up

class Differences {
  constructor(jobs) {
    this.jobs = jobs;
    this.measure = "cpu";
    this.reference = 0;
    this.isWhole = false;
    this.box = element("div", {
      class: "scroll",
      tabindex: "0",
      role: "region",
      "aria-label": "Differences by program",
    });
    this.tools = element("div", { class: "tools" });
    const references = jobs.map((job, number) => [number, job.name]);
    this.tools.append(
      choice(
        "Compared with",
        references,
        (value) => {
          this.reference = Number(value);
          this.show();
        },
        { id: "reference" },
      ),
    );
    for (const one of MEASURES.filter((each) => each.name !== "elapsed")) {
      this.tools.append(
        button(
          one.label,
          () => {
            this.measure = one.name;
            this.show();
          },
          { "data-measure": one.name },
        ),
      );
    }
    this.show();
  }

  /** Return [program, value of each job], those with the largest difference first. */
  rows() {
    const at = 1 + MEASURES.findIndex((one) => one.name === this.measure);
    const found = new Map();
    this.jobs.forEach((job, number) => {
      for (const row of job.groups[0].rows) {
        const name = typeof row[0] === "number" ? "(smaller ones)" : row[0];
        if (!found.has(name))
          found.set(
            name,
            this.jobs.map(() => 0),
          );
        found.get(name)[number] = row[at];
      }
    });
    const size = (values) =>
      values.reduce(
        (most, value) => Math.max(most, Math.abs((value || 0) - (values[this.reference] || 0))),
        0,
      );
    return [...found].sort((a, b) => size(b[1]) - size(a[1]));
  }

  show() {
    for (const one of this.tools.querySelectorAll("[data-measure]")) {
      one.setAttribute("aria-pressed", String(one.dataset.measure === this.measure));
    }
    const rows = this.rows();
    const shown = this.isWhole ? rows : rows.slice(0, FIRST_DIFFERENCES);
    this.largest = 1;
    for (const [, values] of rows) {
      for (const value of values)
        this.largest = Math.max(
          this.largest,
          Math.abs((value || 0) - (values[this.reference] || 0)),
        );
    }
    const isMany = this.jobs.length > MOST_COLUMNS;
    const body = shown.map(([name, values]) =>
      element(
        "tr",
        {},
        element("td", {}, swatch(name), " ", name || "(empty)"),
        ...(isMany ? this.summary(values) : this.cells(values)),
      ),
    );
    const parts = [
      element("table", { id: "differences" }, this.head(isMany), element("tbody", {}, ...body)),
    ];
    if (shown.length < rows.length) {
      parts.push(
        button(`Show all ${countText(rows.length)} programs`, () => {
          this.isWhole = true;
          this.show();
        }),
      );
    }
    this.box.replaceChildren(...parts);
  }

  head(isMany) {
    const names = isMany
      ? [this.jobs[this.reference].name, "least", "median", "most", "most in job"]
      : this.jobs.flatMap((job, number) =>
          this.jobs.length === 2 && number !== this.reference
            ? [job.name, "difference", ""]
            : [job.name],
        );
    const cells = ["program", ...names].map((name) => element("th", { scope: "col" }, name));
    return element("thead", {}, element("tr", {}, ...cells));
  }

  text(value) {
    return value === null
      ? "\u2013"
      : MEASURES.find((one) => one.name === this.measure).text(value);
  }

  /** Return the value of each job, and of all but the reference by how much it differs. */
  cells(values) {
    return values.flatMap((value, number) => {
      const cell = element("td", { "data-value": value === null ? "" : value }, this.text(value));
      if (number === this.reference) return [cell];
      const base = values[this.reference] || 0;
      const difference = (value || 0) - base;
      const part = base ? percentText(difference / base) : "";
      if (this.jobs.length > 2) {
        const isLarge = Math.abs(difference) > this.largest / 10;
        const kind = isLarge ? (difference > 0 ? "over" : "under") : "muted";
        if (difference) cell.append(element("span", { class: kind }, ` ${part || "new"}`));
        return [cell];
      }
      const sign = difference > 0 ? "+" : "";
      const said = difference ? `${sign}${this.text(difference)}${part && ` (${part})`}` : "0";
      return [
        cell,
        element("td", { "data-value": difference }, said),
        element("td", {}, differenceBar(difference, this.largest)),
      ];
    });
  }

  summary(values) {
    const known = values.map((value) => value || 0).sort((a, b) => a - b);
    const most = known[known.length - 1];
    const some = [values[this.reference], known[0], known[known.length >> 1], most];
    const cells = some.map((value) =>
      element("td", { "data-value": value === null ? "" : value }, this.text(value)),
    );
    return [
      ...cells,
      element("td", {}, this.jobs[values.findIndex((value) => (value || 0) === most)].name),
    ];
  }
}

function percentText(part) {
  const size = Math.abs(100 * part);
  return `${part > 0 ? "+" : "\u2212"}${size < 10 ? size.toFixed(1) : countText(size)} %`;
}

/** Return a bar that goes to the right for more, to the left for less. */
function differenceBar(difference, largest) {
  const bar = element("i", { class: difference > 0 ? "more" : "less" });
  const part = (50 * Math.abs(difference)) / largest;
  bar.style.width = `${part}%`;
  bar.style.left = `${difference > 0 ? 50 : 50 - part}%`;
  return element("div", { class: "difference", "aria-hidden": "true" }, bar);
}
