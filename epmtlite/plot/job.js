// The processes of a job, in arrays, and which of them are sought.

const ALL_OTHERS = Symbol("programs without a colour of their own");

class Job {
  constructor(data, columns) {
    Object.assign(this, data);
    this.count = columns.start.length;
    for (const [name, values] of Object.entries(columns)) {
      this[`${name}Of`] = Float64Array.from(values, (value) => (value === null ? -1 : value));
    }
    this.endOf = this.startOf.map((start, place) => start + this.durationOf[place]);
    const colourOf = this.programs.map((name) => (PALETTE.has(name) ? PALETTE.get(name) : OTHERS));
    this.colourOf = Uint8Array.from(this.programOf, (number) => colourOf[number]);
    this.lanesOfHost = this.hosts.map(() => []);
    for (let place = 0; place < this.count; place++) {
      const lanes = this.lanesOfHost[this.hostOf[place]];
      (lanes[this.laneOf[place]] ||= []).push(place); // they come sorted by start
    }
    this.isOutlier = false;
    this.found = null; // of each process whether it is sought; null: nothing is
  }

  get name() {
    return this.facts.job;
  }

  nameOf(place) {
    return this.programs[this.programOf[place]];
  }

  failed(place) {
    return this.exitOf[place] !== 0 || this.signalOf[place] !== 0;
  }

  /** Return what the clocks of the job showed at a moment: seconds since midnight, or null. */
  clockAt(moment) {
    let shown = null;
    for (const [since, midnight] of this.facts.offsets) {
      if (shown === null || moment >= since) shown = midnight + moment / 1e6;
    }
    return shown === null ? null : ((shown % 86400) + 86400) % 86400;
  }

  /** Return what is known of a process as [name, text]. */
  described(place) {
    const start = this.startOf[place];
    const clock = this.clockAt(start);
    const at = clockText(start / 1e6, 0.001);
    const signal = this.signalOf[place] ? `, signal ${this.signalOf[place]}` : "";
    return [
      ...(JOBS.length > 1 ? [["job", this.name]] : []),
      ["program", this.nameOf(place)],
      ["arguments", this.arguments[this.argumentsOf[place]] || "(none)"],
      ["pid", `${this.pidOf[place]} on ${this.hosts[this.hostOf[place]]}`],
      [
        "start",
        clock === null ? `${at} after the job` : `${clockText(clock, 0.001)} (${at} after the job)`,
      ],
      ["duration", timeText(this.durationOf[place])],
      [
        "CPU time",
        `${timeText(this.cpuOf[place])}, with its children ${timeText(this.inclusive_cpuOf[place])}`,
      ],
      ["peak memory", orUnknown(this.memoryOf[place], memoryText)],
      [
        "read, written",
        `${orUnknown(this.readOf[place], bytesText)}, ${orUnknown(this.writtenOf[place], bytesText)}`,
      ],
      ["exit status", `${this.exitOf[place]}${signal}`],
      ["threads", countText(this.threadsOf[place])],
      ["tags", this.tags[this.tagsOf[place]] || "(none)"],
    ];
  }

  /** Mark the processes whose program or arguments have a text, and that failed, if so wanted. */
  seek(text, failedOnly, program) {
    if (!text && !failedOnly && program === null) {
      this.found = null;
      return;
    }
    const has = (name) => name.toLowerCase().includes(text.toLowerCase());
    const programs = this.programs.map((name) => has(name));
    const others = this.arguments.map((name) => has(name));
    const chosen = this.programs.map(
      (name) =>
        program === null || (program === ALL_OTHERS ? !PALETTE.has(name) : name === program),
    );
    this.found = new Uint8Array(this.count);
    for (let place = 0; place < this.count; place++) {
      const number = this.programOf[place];
      const fits = programs[number] || others[this.argumentsOf[place]];
      this.found[place] = fits && chosen[number] && (!failedOnly || this.failed(place)) ? 1 : 0;
    }
  }
}

/** What is sought, in all jobs of the page; listeners are told when that changes. */
const search = {
  text: "",
  failedOnly: false,
  program: null, // a name, or ALL_OTHERS
  listeners: [],
  set(changes) {
    Object.assign(this, changes);
    hint(null);
    for (const job of JOBS) job.seek(this.text, this.failedOnly, this.program);
    for (const listener of this.listeners) listener();
  },
};

const JOBS = DATA.jobs.map((job, number) => new Job(job, DATA.columns[number]));
