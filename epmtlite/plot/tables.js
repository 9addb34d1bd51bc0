// What programs and operations took: bars, and a table that can be sorted and copied.

// The columns of a row behind its name, as epmtlite/plot/totals.py has them.
const MEASURES = [
  { name: "processes", label: "Processes", text: countText },
  { name: "wall", label: "Wall time (sum)", text: timeText, seconds: true },
  { name: "elapsed", label: "Elapsed (any ran)", text: timeText, seconds: true },
  { name: "cpu", label: "CPU time", text: timeText, seconds: true },
  { name: "read", label: "Read", text: bytesText },
  { name: "written", label: "Written", text: bytesText },
  { name: "disk_read", label: "Read from disk", text: bytesText },
  { name: "disk_written", label: "Written to disk", text: bytesText },
  { name: "peak", label: "Largest process", text: memoryText },
];
const MOST_BARS = 15;
const FIRST_ROWS = 50;

class Totals {
  constructor(job, onProgram) {
    this.onProgram = onProgram;
    this.bars = element("div", { class: "bars", role: "list" });
    this.tableBox = element("div", {
      class: "scroll",
      tabindex: "0",
      role: "region",
      "aria-label": "Table of sums",
    });
    this.tools = element("div", { class: "tools" });
    this.note = element("p", { class: "muted" });
    this.measure = "cpu";
    this.setJob(job);
  }

  setJob(job) {
    this.job = job;
    this.group = 0;
    this.sorted = {
      column: 1 + MEASURES.findIndex((one) => one.name === this.measure),
      falling: true,
    };
    this.isWhole = false;
    this.makeTools();
    this.show();
  }

  get rows() {
    return this.job.groups[this.group].rows;
  }

  /** Return the measures that are known of some group. */
  known() {
    return MEASURES.filter((_one, number) => this.rows.some((row) => row[number + 1] !== null));
  }

  makeTools() {
    const titles = this.job.groups.map((group, number) => [
      number,
      number ? `tag: ${group.title}` : group.title,
    ]);
    const groups = choice(
      "By",
      titles,
      (value) => {
        this.group = Number(value);
        this.isWhole = false;
        this.show();
      },
      { id: "group" },
    );
    const measures = this.known().map((one) =>
      button(one.label, () => this.setMeasure(one.name), { "data-measure": one.name }),
    );
    const copy = button("Copy the table", async () => {
      copy.textContent = (await copied(this.asText())) ? "Copied" : "Cannot copy";
    });
    this.tools.replaceChildren(groups, ...measures, copy);
  }

  setMeasure(name) {
    this.measure = name;
    this.sorted = { column: 1 + MEASURES.findIndex((one) => one.name === name), falling: true };
    this.show();
  }

  show() {
    for (const one of this.tools.querySelectorAll("[data-measure]")) {
      one.setAttribute("aria-pressed", String(one.dataset.measure === this.measure));
    }
    this.showBars();
    this.showTable();
  }

  nameOf(row) {
    if (typeof row[0] === "number") return `(${countText(row[0])} smaller ones)`;
    return row[0] === null ? "(without)" : row[0] || "(empty)";
  }

  showBars() {
    const number = 1 + MEASURES.findIndex((one) => one.name === this.measure);
    const { text } = MEASURES[number - 1];
    const rows = this.rows
      .filter((row) => row[number] !== null)
      .sort((a, b) => b[number] - a[number]);
    const most = Math.max(1, ...rows.map((row) => row[number]));
    this.bars.replaceChildren(
      ...rows.slice(0, MOST_BARS).flatMap((row) => {
        const isProgram = this.group === 0;
        const colour = isProgram
          ? `c${PALETTE.has(row[0]) ? PALETTE.get(row[0]) : OTHERS}`
          : "plain";
        const fill = element("div", { class: `fill ${colour}` });
        fill.style.width = `${(100 * row[number]) / most}%`;
        return [
          element("div", { class: "name" }, this.nameOf(row)),
          element("div", { class: "track" }, fill),
          element("div", { class: "number" }, text(row[number])),
        ];
      }),
    );
    const more = rows.length - MOST_BARS;
    this.note.textContent =
      more > 0 ? `The first ${MOST_BARS} of ${countText(rows.length)}; all are in the table.` : "";
  }

  sortedRows() {
    const { column, falling } = this.sorted;
    const sign = falling ? -1 : 1;
    return [...this.rows].sort((a, b) => {
      if (column === 0) return sign * this.nameOf(a).localeCompare(this.nameOf(b));
      return sign * ((a[column] === null ? -1 : a[column]) - (b[column] === null ? -1 : b[column]));
    });
  }

  showTable() {
    const rows = this.sortedRows();
    const shown = this.isWhole ? rows : rows.slice(0, FIRST_ROWS);
    const body = element("tbody", {}, ...shown.map((row) => this.tableRow(row)));
    const parts = [element("table", { id: "totals" }, this.tableHead(), body)];
    if (shown.length < rows.length) {
      parts.push(
        button(`Show all ${countText(rows.length)} rows`, () => {
          this.isWhole = true;
          this.showTable();
        }),
      );
    }
    this.tableBox.replaceChildren(...parts);
  }

  tableHead() {
    const labels = [this.job.groups[this.group].title, ...MEASURES.map((one) => one.label)];
    const cells = labels.map((label, column) => {
      const isSorted = this.sorted.column === column;
      const mark = isSorted ? (this.sorted.falling ? " \u25be" : " \u25b4") : "";
      const order = isSorted ? (this.sorted.falling ? "descending" : "ascending") : "none";
      const sort = button(label + mark, () => {
        this.sorted = { column, falling: isSorted ? !this.sorted.falling : column > 0 };
        this.showTable();
      });
      return element("th", { scope: "col", "aria-sort": order }, sort);
    });
    return element("thead", {}, element("tr", {}, ...cells));
  }

  tableRow(row) {
    const name = element("td", {}, this.group === 0 ? swatch(row[0]) : "", " ", this.nameOf(row));
    if (this.group === 0 && typeof row[0] === "string" && this.onProgram) {
      name.replaceChildren(
        swatch(row[0]),
        " ",
        button(row[0] || "(empty)", () => this.onProgram(row[0]), {
          title: "show it in the timeline",
        }),
      );
    }
    const cells = MEASURES.map((one, number) => {
      const value = row[number + 1];
      const text = value === null ? "\u2013" : one.text(value);
      return element("td", { "data-value": value === null ? "" : value }, text);
    });
    return element("tr", {}, name, ...cells);
  }

  /** Return the whole table for a spreadsheet: times in seconds, sizes in bytes and kilobytes. */
  asText() {
    const units = {
      peak: "_kilobytes",
      read: "_bytes",
      written: "_bytes",
      disk_read: "_bytes",
      disk_written: "_bytes",
    };
    const title = this.job.groups[this.group].title;
    const head = [
      title,
      ...MEASURES.map((one) => one.name + (one.seconds ? "_seconds" : units[one.name] || "")),
    ];
    const lines = this.sortedRows().map((row) => [
      this.nameOf(row),
      ...MEASURES.map((one, number) => {
        const value = row[number + 1];
        return value === null ? "" : one.seconds ? (value / 1e6).toFixed(6) : String(value);
      }),
    ]);
    return [head, ...lines].map((cells) => cells.join("\t")).join("\n") + "\n";
  }
}
