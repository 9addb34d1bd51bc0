/* Tables with the class `sortable`: their headers become buttons that sort the rows. */
"use strict";

(() => {
  const { make } = window.portal;
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;

  function valueOf(row, place) {
    const cell = row.cells[place];
    if (!cell) return "";
    const found = cell.dataset.value ?? cell.querySelector("[data-value]")?.dataset.value
      ?? cell.querySelector("[aria-valuenow]")?.getAttribute("aria-valuenow")
      ?? cell.querySelector("time")?.dateTime;
    return found ?? cell.textContent.trim();
  }

  const parts = new Intl.NumberFormat(document.documentElement.lang).formatToParts(1234567.8);
  const part = (type) => parts.find((one) => one.type === type).value;

  /* Return the number of a text in the page's language; NaN if it is none. */
  function numberOf(text) {
    const plain = text.replaceAll(part("group"), "").replace(/\s/g, "").replace(part("decimal"), ".");
    return plain ? Number(plain) : NaN;
  }

  /* Return what a text such as 1.5 GiB, 42 %, 2 d 01:02:03 amounts to; NaN if it is no figure. */
  function amountOf(text) {
    const time = /^(-?)(?:(\S+)\s\p{L}+\s)?(\d+):(\d\d):(\d\d)$/u.exec(text);
    if (time) {
      const [, sign, days = "0", hours, minutes, seconds] = time;
      return (sign ? -1 : 1) * (numberOf(days) * 86400 + hours * 3600 + minutes * 60 + Number(seconds));
    }
    const [, number, prefix = ""] = /^([-\d.,\s]+?)\s*(?:([KMGTPE]?)i?[Bo]|%)?$/u.exec(text) ?? [];
    return number === undefined ? NaN : numberOf(number) * 1024 ** " KMGTPE".indexOf(prefix || " ");
  }

  /* Figures by their amount, then texts; what is not known comes first. */
  function inOrder(one, other) {
    const known = Number(one !== "" && one !== "–") - Number(other !== "" && other !== "–");
    const [left, right] = [amountOf(one), amountOf(other)];
    const areFigures = !Number.isNaN(left) && !Number.isNaN(right);
    return known || (areFigures ? left - right : compare(one, other));
  }

  function sort(table, header) {
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const body of table.tBodies) {
      const rows = [...body.rows].map((row) => [valueOf(row, header.cellIndex), row]);
      rows.sort(([one], [other]) => direction * inOrder(one, other));
      body.append(...rows.map(([, row]) => row));
    }
    for (const other of table.querySelectorAll("thead th[aria-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.querySelectorAll("thead th:not([data-unsorted])")) {
      if (!header.textContent.trim()) continue;
      const button = make("button", { type: "button", onclick: () => sort(table, header) });
      button.append(...header.childNodes);
      header.append(button);
      header.setAttribute("aria-sort", "none");
    }
  }
})();
