// Put the page together.

function leftOut(jobs) {
  const said = jobs
    .filter((job) => job.left_out[0] && job.count)
    .map((job) => {
      const [count, wall, cpu] = job.left_out;
      return element(
        "p",
        { class: "warning" },
        `${jobs.length > 1 ? `Job ${job.name}: the` : "The"} ${countText(count)} shortest of ` +
          `${countText(job.facts.processes)} processes are not drawn: ` +
          `together ${timeText(wall)} of wall time and ${timeText(cpu)} of CPU time. ` +
          "The sums by program and tag have them.",
      );
    });
  return said;
}

function timelineSection(timeline, overview, showInTree) {
  const detail = element(
    "div",
    { class: "detail", id: "detail", "aria-live": "polite" },
    element("span", { class: "muted" }, "Click a process to see all about it."),
  );
  const found = element("output", { class: "muted", id: "found" });
  const failed = element("input", {
    type: "checkbox",
    id: "failed",
    onchange: () => search.set({ failedOnly: failed.checked }),
  });
  const field = element("input", {
    type: "search",
    id: "search",
    placeholder: "Find a program or argument",
    "aria-label": "Find a program or argument",
    oninput: () => search.set({ text: field.value.trim() }),
    onkeydown: (event) => {
      if (event.key === "Enter") timeline.step(event.shiftKey ? -1 : 1);
    },
  });
  search.listeners.push(() => {
    found.textContent = foundText(timeline.jobs);
  });
  timeline.changed.push(() => showChosen(timeline, detail, showInTree));
  handleTimeline(
    timeline,
    (what, event) => hint(what && what.job.described(what.place), event.clientX, event.clientY),
    (what) => timeline.choose(what),
  );
  const axis = choice(
    "Time",
    [
      ["elapsed", "since the start"],
      ["clock", "of day"],
    ],
    (value) => {
      timeline.usesClock = value === "clock";
      timeline.draw();
    },
  );
  const tools = element(
    "div",
    { class: "tools" },
    field,
    element("label", {}, failed, "failed only"),
    found,
    button("+", () => timeline.zoom(1.6), { "aria-label": "Zoom in", title: "zoom in" }),
    button("\u2212", () => timeline.zoom(1 / 1.6), { "aria-label": "Zoom out", title: "zoom out" }),
    button("All", () => timeline.reset(), { title: "show all (0)" }),
    timeline.jobs.length === 1 && timeline.jobs[0].facts.offsets.length ? axis : "",
  );
  const help = element(
    "p",
    { class: "muted help" },
    "Long arguments are cut in the middle, and sought as they are shown. Wheel: zoom. Drag: move. ",
    "Shift and drag, or drag above: zoom to a part. Double click: all. Keys: ",
    ...["\u2190 \u2192 \u2191 \u2193", "+", "\u2212", "0", "n", "p", "[", "]"].flatMap((key) => [
      element("kbd", {}, key),
      " ",
    ]),
  );
  return section(
    "timeline",
    "Timeline of processes",
    ...leftOut(timeline.jobs),
    tools,
    overview.canvas,
    timeline.canvas,
    legend(),
    detail,
    help,
  );
}

function foundText(jobs) {
  if (!jobs.some((job) => job.found)) return "";
  let [count, cpu, all] = [0, 0, 0];
  for (const job of jobs) {
    all += job.count;
    job.found.forEach((isFound, place) => {
      count += isFound;
      cpu += isFound * job.cpuOf[place];
    });
  }
  return `${countText(count)} of ${countText(all)} processes, ${timeText(cpu)} of CPU time`;
}

function showChosen(timeline, detail, showInTree) {
  if (!timeline.chosen || detail.shown === timeline.chosen) return;
  const { job, place } = timeline.chosen;
  detail.shown = timeline.chosen;
  detail.replaceChildren(
    definitions(job.described(place)),
    button("Show it in the tree", () => showInTree(job, place)),
  );
}

function legend() {
  const chips = [...PALETTE.keys(), ALL_OTHERS].map((name) => {
    const chip = button("", () => search.set({ program: search.program === name ? null : name }), {
      "aria-pressed": "false",
    });
    chip.append(swatch(name), name === ALL_OTHERS ? "others" : name || "(empty)");
    search.listeners.push(() => chip.setAttribute("aria-pressed", String(search.program === name)));
    return chip;
  });
  return element("div", { class: "legend", role: "group", "aria-label": "Programs" }, ...chips);
}

function treeSection(tree) {
  const measure = choice(
    "Width",
    [
      ["cpu", "CPU time"],
      ["wall", "wall time"],
    ],
    (value) => tree.set({ measure: value }),
    { id: "tree-measure" },
  );
  const merged = element("input", {
    type: "checkbox",
    id: "merged",
    checked: true,
    onchange: () => tree.set({ isMerged: merged.checked }),
  });
  const tools = element(
    "div",
    { class: "tools" },
    measure,
    element("label", {}, merged, "same programs as one"),
    button("Whole job", () => tree.focusOn(tree.tree.root)),
  );
  return section(
    "tree",
    "Process tree",
    tools,
    tree.crumbs,
    tree.canvas,
    tree.status,
    element(
      "p",
      { class: "muted help" },
      "A frame is as wide as its processes and all their descendants took; wall time is a ",
      "process's duration, or that of its children together where that is more, as they ran at ",
      "once. Click: that part alone.",
    ),
  );
}

function start() {
  if (DATA.outliers)
    totalCounts(DATA.outliers).forEach((count, number) => {
      JOBS[number].isOutlier = count > 0;
    });
  headOf(JOBS);
  const main = document.getElementById("main");
  if (DATA.outliers) main.append(outlierSection(DATA.outliers));
  const drawn = JOBS.filter((job) => job.count);
  const tree = drawn.length
    ? new Tree(drawn[0], (job, place) => timeline.choose({ job, place }))
    : null;
  const timeline = drawn.length ? new Timeline(drawn) : null;
  if (timeline) addTimeline(main, timeline, tree);
  if (JOBS.length > 1) {
    const differences = new Differences(JOBS);
    main.append(
      section("differences-section", "Differences by program", differences.tools, differences.box),
    );
  }
  addTotals(main, timeline, tree);
  if (tree) addTree(main, tree);
  watch();
}

function addTimeline(main, timeline, tree) {
  const overview = new Overview(timeline);
  main.append(
    timelineSection(timeline, overview, (job, place) => {
      if (tree.job !== job) tree.setJob(job);
      tree.focusOnProcess(place);
      document.getElementById("tree").scrollIntoView();
      tree.canvas.focus();
    }),
  );
  search.listeners.push(timeline.draw);
  drawings.push(
    () => timeline.drawNow(),
    () => overview.drawNow(),
  );
}

function addTotals(main, timeline, tree) {
  const onProgram =
    timeline &&
    ((program) => {
      search.set({ program: search.program === program ? null : program });
      document.getElementById("timeline").scrollIntoView();
    });
  const totals = new Totals(JOBS[0], onProgram);
  const parts = [totals.tools, totals.bars, totals.note, totals.tableBox];
  if (JOBS.length > 1) {
    parts.unshift(
      choice(
        "Of job",
        JOBS.map((job, number) => [number, job.name]),
        (value) => {
          totals.setJob(JOBS[Number(value)]);
          if (tree && JOBS[Number(value)].count) tree.setJob(JOBS[Number(value)]);
        },
        { id: "of-job" },
      ),
    );
  }
  main.append(section("totals-section", "Time and I/O by program and operation", ...parts));
}

function addTree(main, tree) {
  main.append(treeSection(tree));
  search.listeners.push(tree.draw);
  drawings.push(() => tree.drawNow());
}

/** Draw again when the width, the colours, or what it is for changes. */
function watch() {
  const again = soon(drawAll);
  new ResizeObserver(again).observe(document.body);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.theme;
    drawAll();
  });
  drawAll();
}

start();
