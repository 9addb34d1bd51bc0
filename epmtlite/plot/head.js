// The head of the page: the facts of a job, or of several in a table.

function headOf(jobs) {
  const head = document.getElementById("head");
  if (jobs.length > 1) {
    head.append(element("h1", {}, `${jobs.length} jobs`), factsTable(jobs));
    return;
  }
  const { facts } = jobs[0];
  head.append(element("h1", {}, `Job ${facts.job}`));
  if (facts.name && facts.name !== "unknown")
    head.append(element("p", { class: "muted" }, facts.name));
  head.append(factsList(facts));
}

function factsList(facts) {
  const busy = facts.duration > 0 ? facts.cpu / facts.duration : 0;
  const list = element("dl", { class: "facts" });
  const add = (name, value, attributes) =>
    list.append(
      element(
        "div",
        attributes || {},
        element("dt", {}, name),
        element("dd", {}, ...[value].flat()),
      ),
    );
  add("user", facts.user);
  add(facts.hosts.length === 1 ? "host" : `${facts.hosts.length} hosts`, shortList(facts.hosts));
  add("start", facts.start);
  add("end", facts.end);
  add("duration", timeText(facts.duration));
  add("CPU time", `${timeText(facts.cpu)} (${busy.toFixed(2)} processors busy)`);
  add("processes", `${countText(facts.processes)} with ${countText(facts.threads)} threads`);
  add("largest process", orUnknown(facts.peak, memoryText));
  if (facts.read !== null)
    add(
      "read, written",
      `${orUnknown(facts.read, bytesText)}, ${orUnknown(facts.written, bytesText)}`,
    );
  add("exit code", element("span", facts.exit ? { class: "bad" } : {}, String(facts.exit)));
  add("processes that failed", countText(facts.failed));
  for (const [name, pairs] of [
    ["tags", facts.tags],
    ["annotations", facts.annotations],
  ]) {
    if (pairs.length)
      add(
        name,
        pairs.map(([key, value]) => element("span", { class: "tag" }, `${key}: ${value}`)),
        { class: "wide" },
      );
  }
  return list;
}

function shortList(names) {
  return names.length > 6
    ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`
    : names.join(", ");
}
