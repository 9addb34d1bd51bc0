/* The table of jobs: pages, order and search are the server's; what is shown stands in the URL. */
"use strict";

(() => {
  const { gettext, fetchPatiently, fill, make, debounced, Told, timeText, durationText, numberText } = window.portal;
  // The names that the API has for columns which are called otherwise here.
  const FIELDS = { state: "get_state_display", used: "elapsed_seconds" };
  const LENGTHS = ["10", "100", "1000"];

  class JobTable {
    constructor(section) {
      this.section = section;
      this.form = section.querySelector(".table-tools");
      this.body = section.querySelector("tbody");
      this.status = section.querySelector(".table-state");
      this.pages = section.querySelector(".table-pages");
      this.headers = [...section.querySelectorAll("th[data-name]")];
      this.checks = [...this.form.querySelectorAll("[name=status]")];
      this.draw = 0;
      this.filtered = 0;
      this.readUrl();
      this.listen();
      this.load();
    }

    readUrl() {
      const query = new URLSearchParams(location.search);
      const sort = query.get("sort") ?? this.section.dataset.sort;
      const length = query.get("length");
      this.shown = {
        sort: this.headers.some((one) => one.dataset.name === sort.replace(/^-/, "")) ? sort : this.section.dataset.sort,
        search: query.get("search") ?? "",
        status: (query.get("status") ?? "").split(",").filter((label) => this.checks.some((check) => check.value === label)),
        length: LENGTHS.includes(length) ? length : LENGTHS[0],
        page: Math.max(1, Math.floor(Number(query.get("page"))) || 1),
      };
      this.showChoices();
    }

    /* Put what is chosen into the form and the headers. */
    showChoices() {
      const { sort, search, status, length } = this.shown;
      for (const check of this.checks) check.checked = status.includes(check.value);
      this.form.elements.search.value = search;
      this.form.querySelector("[name=length]").value = length;
      this.form.querySelector(".states-chosen").textContent = status.length ? `(${status.length})` : "";
      for (const header of this.headers.filter((one) => one.hasAttribute("aria-sort"))) {
        const isSorted = header.dataset.name === sort.replace(/^-/, "");
        const direction = sort.startsWith("-") ? "descending" : "ascending";
        header.setAttribute("aria-sort", isSorted ? direction : "none");
      }
    }

    listen() {
      const search = debounced(() => this.change({ search: this.form.elements.search.value.trim() }), 300);
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.elements.search.addEventListener("input", search);
      this.form.querySelector("[name=length]").addEventListener("change", (event) => this.change({ length: event.target.value }));
      for (const check of this.checks) {
        check.addEventListener("change", () => this.change({ status: this.checks.filter((one) => one.checked).map((one) => one.value) }));
      }
      for (const header of this.headers) {
        header.querySelector("button")?.addEventListener("click", () => this.sortBy(header));
      }
      this.pages.addEventListener("click", (event) => this.go(event.target.dataset?.go));
      this.pages.querySelector("[name=page]").addEventListener("change", (event) => this.goTo(Number(event.target.value)));
      this.closeStatesLikeAMenu();
      window.addEventListener("popstate", () => {
        this.readUrl();
        this.load();
      });
    }

    closeStatesLikeAMenu() {
      const states = this.form.querySelector(".states");
      states.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !states.open) return;
        states.open = false;
        states.querySelector("summary").focus();
      });
      document.addEventListener("click", (event) => {
        if (!states.contains(event.target)) states.open = false;
      });
    }

    sortBy(header) {
      const { name } = header.dataset;
      const isDescending = this.shown.sort === `-${name}`;
      const isAscending = this.shown.sort === name;
      // Times and numbers are first wanted from the latest down, texts from A on.
      const first = ["text", "user", "state"].includes(header.dataset.kind) ? name : `-${name}`;
      const other = isDescending ? name : `-${name}`;
      this.change({ sort: isAscending || isDescending ? other : first });
    }

    lastPage() {
      return Math.max(1, Math.ceil(this.filtered / Number(this.shown.length)));
    }

    go(where) {
      const { page } = this.shown;
      const pages = { first: 1, previous: page - 1, next: page + 1, last: this.lastPage() };
      if (where in pages) this.goTo(pages[where]);
    }

    goTo(page) {
      const wanted = Math.min(Math.max(1, Math.floor(page) || 1), this.lastPage());
      this.change({ page: wanted });
    }

    /* Show something else, and remember it so that Back goes back. */
    change(changes) {
      this.shown = { ...this.shown, page: 1, ...changes };
      this.showChoices();
      const address = new URL(location.href);
      const { status, ...others } = this.shown;
      const usual = { sort: this.section.dataset.sort, search: "", length: LENGTHS[0], page: 1, status: "" };
      for (const [name, value] of Object.entries({ ...others, status: status.join(",") })) {
        if (String(value) === String(usual[name])) address.searchParams.delete(name);
        else address.searchParams.set(name, value);
      }
      history.pushState(null, "", address);
      this.load();
    }

    address() {
      const { sort, search, status, length, page } = this.shown;
      const address = new URL(this.section.dataset.jobTable, location.href);
      const { username, account } = this.section.dataset;
      const name = sort.replace(/^-/, "");
      const query = {
        format: "datatables", draw: this.draw, start: (page - 1) * Number(length), length,
        "search[value]": search, "order[0][column]": this.headers.findIndex((one) => one.dataset.name === name),
        "order[0][dir]": sort.startsWith("-") ? "desc" : "asc",
        ...(username && { username }), ...(account && { account }), ...(status.length && { status: status.join(",") }),
      };
      this.headers.forEach((header, place) => {
        query[`columns[${place}][data]`] = FIELDS[header.dataset.name] ?? header.dataset.name;
        query[`columns[${place}][orderable]`] = header.hasAttribute("aria-sort");
      });
      for (const [key, value] of Object.entries(query)) address.searchParams.set(key, value);
      return address;
    }

    async load() {
      this.stop?.abort();
      this.stop = new AbortController();
      const { signal } = this.stop;
      this.draw += 1;
      this.section.setAttribute("aria-busy", "true");
      this.tell(gettext("Loading…"));
      try {
        const answer = this.understood(...await fetchPatiently(this.address(), signal));
        if (!signal.aborted) this.show(answer);
      } catch (error) {
        if (!signal.aborted) this.fail(error);
      }
    }

    understood(response, content) {
      if (!response.ok || !content?.data) throw new Told(content?.error ?? content?.detail ?? gettext("The jobs could not be loaded."));
      return content;
    }

    fail(error) {
      const isExpected = error instanceof Told;
      if (!isExpected) console.error(error);
      const text = isExpected ? error.message : gettext("The jobs could not be loaded.");
      this.section.setAttribute("aria-busy", "false");
      const again = make("button", { type: "button", onclick: () => this.load() }, gettext("Try again"));
      this.tell(`${text} `, true, again);
    }

    tell(text, isFailure = false, ...more) {
      this.status.classList.toggle("failed", isFailure);
      this.status.replaceChildren(text, ...more);
    }

    show(answer) {
      this.filtered = answer.recordsFiltered;
      if (this.shown.page > this.lastPage()) {
        this.shown.page = this.lastPage();
        this.load();
        return;
      }
      this.section.setAttribute("aria-busy", "false");
      this.body.replaceChildren(...answer.data.map((job) => this.row(job)));
      const start = (this.shown.page - 1) * Number(this.shown.length);
      const counts = { first: numberText(start + 1), last: numberText(start + answer.data.length), count: numberText(this.filtered), total: numberText(answer.recordsTotal) };
      const text = this.filtered < answer.recordsTotal
        ? gettext("Jobs %(first)s to %(last)s of %(count)s that match, of %(total)s in all")
        : gettext("Jobs %(first)s to %(last)s of %(count)s");
      this.tell(answer.data.length ? fill(text, counts) : gettext("There are no such jobs."));
      this.showPages();
    }

    showPages() {
      const { page } = this.shown;
      const last = this.lastPage();
      const input = this.pages.querySelector("[name=page]");
      this.pages.hidden = last === 1 && page === 1;
      input.max = last;
      input.value = page;
      this.pages.querySelector(".table-count").textContent = fill(gettext("of %(count)s"), { count: numberText(last) });
      for (const name of ["first", "previous"]) this.pages.querySelector(`[data-go=${name}]`).disabled = page <= 1;
      for (const name of ["next", "last"]) this.pages.querySelector(`[data-go=${name}]`).disabled = page >= last;
    }

    row(job) {
      return make("tr", {}, ...this.headers.map((header) => this.cell(job, header.dataset)));
    }

    cell(job, { name, kind }) {
      const value = job[FIELDS[name] ?? name];
      if (kind === "text") return make("td", { class: "name" }, String(value ?? ""));
      const shown = {
        job: () => this.link(this.section.dataset.jobUrl, job, String(value)),
        user: () => this.link(this.section.dataset.userUrl, job, String(value ?? "")),
        state: () => this.badge(String(value)),
        moment: () => this.time(value),
        minutes: () => this.limit(value),
        used: () => this.usedTime(job),
        nodes: () => this.nodes(value ?? []),
      }[kind]();
      return make("td", { class: ["minutes", "used"].includes(kind) ? "number" : "" }, shown);
    }

    link(pattern, job, text) {
      const username = job.username || this.section.dataset.username;
      if (!pattern || !username) return text;
      const href = pattern.replace("USERNAME", encodeURIComponent(username)).replace(/0\/$/, `${job.id_job}/`);
      return make("a", { href }, text);
    }

    badge(label) {
      const check = this.checks.find((one) => one.value === label);
      const text = check ? check.nextElementSibling.textContent : label;
      return make("span", { class: `badge badge-${check ? check.dataset.colour : "danger"}` }, text);
    }

    time(value) {
      const date = value ? new Date(value) : null;
      if (!date || Number.isNaN(date.getTime())) return "–";
      return make("time", { datetime: date.toISOString(), title: date.toISOString() }, timeText(date));
    }

    limit(minutes) {
      if (minutes === null || minutes === undefined) return gettext("unlimited");
      return durationText(minutes * 60);
    }

    usedTime(job) {
      const seconds = job.elapsed_seconds;
      return seconds === null || seconds === undefined ? "–" : durationText(seconds);
    }

    nodes(names) {
      const FEW = 3;
      const text = names.slice(0, FEW).join(", ");
      return names.length > FEW ? `${text} … (${names.length})` : text;
    }
  }

  for (const section of document.querySelectorAll("[data-job-table]")) new JobTable(section);
})();
