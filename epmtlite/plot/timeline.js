// The timeline: a lane for what runs at the same time, all jobs and hosts on one scale.

const AXIS_HEIGHT = 22;
const HEADING_HEIGHT = 18;
const GAP = 6;
const SMALLEST_ROW = 3;
const LARGEST_ROW = 18;
const SHORTEST_VIEW = 20; // microseconds
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
];

class Timeline {
  constructor(jobs) {
    this.jobs = jobs.filter((job) => job.count);
    this.groups = this.jobs.flatMap((job) =>
      job.hosts.map((host, number) => ({ job, host, lanes: job.lanesOfHost[number] })),
    );
    const least = Math.min(0, ...this.jobs.map((job) => job.startOf[0]));
    const most = Math.max(
      ...this.jobs.map((job) => job.endOf.reduce((a, b) => Math.max(a, b), job.facts.duration)),
    );
    this.least = least;
    this.most = Math.max(most, least + SHORTEST_VIEW);
    this.from = this.least;
    this.to = this.most;
    this.top = 0; // of what is shown, in pixels of the content
    this.row = 0; // height of a lane; 0: as it fits
    this.usesClock = false;
    this.chosen = null; // {job, place}
    this.changed = []; // called when the view changes
    this.canvas = element("canvas", {
      class: "timeline",
      tabindex: "0",
      role: "img",
      "aria-label":
        "Timeline of processes. Arrow keys move, plus and minus zoom, 0 shows all, n and p go through the processes.",
    });
    this.draw = soon(() => this.drawNow());
  }

  get height() {
    return Math.min(this.contentHeight() + AXIS_HEIGHT, this.room());
  }

  room() {
    return Math.max(220, Math.min(620, window.innerHeight * 0.62));
  }

  laneCount() {
    return this.groups.reduce((sum, group) => sum + group.lanes.length, 0);
  }

  headings() {
    return this.groups.length > 1 ? this.groups.length * (HEADING_HEIGHT + GAP) : GAP;
  }

  rowHeight() {
    if (this.row) return this.row;
    const fits = Math.floor((this.room() - AXIS_HEIGHT - this.headings()) / this.laneCount());
    return Math.max(SMALLEST_ROW, Math.min(LARGEST_ROW, fits));
  }

  contentHeight() {
    return this.headings() + this.laneCount() * this.rowHeight();
  }

  /** Show a part of the time, as much of it as there is. */
  show(from, to) {
    const span = Math.min(Math.max(to - from, SHORTEST_VIEW), this.most - this.least);
    this.from = Math.min(Math.max(from, this.least), this.most - span);
    this.to = this.from + span;
    this.draw();
    for (const listener of this.changed) listener();
  }

  /** Zoom so that a moment stays where it is; a factor above 1 shows less. */
  zoom(factor, moment = (this.from + this.to) / 2) {
    const span = Math.min(
      Math.max((this.to - this.from) / factor, SHORTEST_VIEW),
      this.most - this.least,
    );
    const part = (moment - this.from) / (this.to - this.from);
    this.show(moment - part * span, moment + (1 - part) * span);
  }

  move(time, pixels) {
    this.top = Math.max(
      0,
      Math.min(this.top + pixels, this.contentHeight() + AXIS_HEIGHT - this.height),
    );
    this.show(this.from + time, this.to + time);
  }

  reset() {
    this.top = 0;
    this.row = 0;
    this.show(this.least, this.most);
  }

  momentAt(x) {
    return this.from + (x / this.canvas.clientWidth) * (this.to - this.from);
  }

  drawNow() {
    const { context, width, height } = prepared(this.canvas, this.height);
    this.keepInContent();
    context.save();
    context.beginPath();
    context.rect(0, AXIS_HEIGHT, width, height - AXIS_HEIGHT);
    context.clip();
    this.drawGrid(context, width, height, false);
    for (const { group, lane, y } of this.visibleRows(height)) {
      if (lane < 0) this.drawHeading(context, group, y, width);
      else this.drawLane(context, group.job, group.lanes[lane], y, width);
    }
    this.drawChosen(context, width);
    this.drawScrollBar(context, width, height);
    context.restore();
    this.drawGrid(context, width, height, true);
  }

  keepInContent() {
    this.top = Math.max(0, Math.min(this.top, this.contentHeight() + AXIS_HEIGHT - this.height));
  }

  /** Yield what of the content is in sight: the heading (lane -1) and lanes of each group. */
  *visibleRows(height) {
    const row = this.rowHeight();
    let y = AXIS_HEIGHT + (this.groups.length > 1 ? 0 : GAP / 2) - this.top;
    for (const group of this.groups) {
      if (this.groups.length > 1) {
        if (y > AXIS_HEIGHT - HEADING_HEIGHT && y < height) yield { group, lane: -1, y };
        y += HEADING_HEIGHT;
      }
      const first = Math.max(0, Math.floor((AXIS_HEIGHT - y) / row));
      const last = Math.min(group.lanes.length, Math.ceil((height - y) / row));
      for (let lane = first; lane < last; lane++) yield { group, lane, y: y + lane * row };
      y += group.lanes.length * row + GAP;
    }
  }

  drawHeading(context, group, y, width) {
    const several = this.jobs.length > 1;
    const manyHosts = group.job.hosts.length > 1;
    const text = several
      ? `job ${group.job.name}${manyHosts ? `, ${group.host}` : ""}`
      : group.host;
    context.fillStyle = colours().text;
    context.font = 'bold 11px system-ui, "DejaVu Sans", sans-serif';
    fitted(context, text, 6, y + HEADING_HEIGHT / 2, width - 12);
    if (group.job.isOutlier) {
      context.fillStyle = colours().mark;
      context.fillText("outlier", 14 + context.measureText(text).width, y + HEADING_HEIGHT / 2);
    }
    context.font = '11px system-ui, "DejaVu Sans", sans-serif';
    if (several) this.drawEnd(context, group, y, width);
  }

  /** Draw where a job ended, to compare it with others. */
  drawEnd(context, group, y, width) {
    const x = ((group.job.facts.duration - this.from) / (this.to - this.from)) * width;
    const tall = HEADING_HEIGHT + group.lanes.length * this.rowHeight();
    context.fillStyle = colours().accent;
    context.fillRect(Math.min(x, width - 1.5), y, 1.5, tall);
    const text = timeText(group.job.facts.duration);
    context.fillText(
      text,
      Math.max(0, Math.min(x, width) - context.measureText(text).width - 6),
      y + HEADING_HEIGHT / 2,
    );
  }

  /** Draw the processes of a lane; what is narrower than a pixel is merged with its neighbours, in
   * the colour of the longest, and fainter where the pixel is not full. */
  drawLane(context, job, lane, y, width) {
    const scale = width / (this.to - this.from);
    const tall = Math.max(1, this.rowHeight() - (this.rowHeight() > 5 ? 1 : 0));
    const pixel = { at: -1, place: -1, longest: -1, filled: 0 };
    for (let at = firstEndingAfter(job, lane, this.from); at < lane.length; at++) {
      const place = lane[at];
      if (job.startOf[place] > this.to) break;
      const left = (job.startOf[place] - this.from) * scale;
      const wide = job.durationOf[place] * scale;
      if (wide < 1.5) {
        if (Math.floor(left) !== pixel.at) this.flush(context, job, pixel, y, tall);
        pixel.at = Math.floor(left);
        pixel.filled += wide;
        const weight = job.durationOf[place] + (job.found && job.found[place] ? 1e18 : 0);
        if (weight > pixel.longest) {
          pixel.longest = weight;
          pixel.place = place;
        }
      } else {
        this.flush(context, job, pixel, y, tall);
        this.drawBar(context, job, place, left, wide, y, tall, width);
      }
    }
    this.flush(context, job, pixel, y, tall);
  }

  flush(context, job, pixel, y, tall) {
    if (pixel.place >= 0) {
      const isFaint = job.found && !job.found[pixel.place];
      context.globalAlpha = isFaint
        ? 0.1
        : job.found
          ? 1
          : Math.max(0.45, Math.min(1, pixel.filled));
      context.fillStyle = colours().programs[job.colourOf[pixel.place]];
      context.fillRect(pixel.at, y, 1, tall);
      context.globalAlpha = 1;
    }
    pixel.at = pixel.place = pixel.longest = -1;
    pixel.filled = 0;
  }

  drawBar(context, job, place, left, wide, y, tall, width) {
    const begin = Math.max(left, -2);
    const end = Math.min(left + wide, width + 2);
    const colour = job.colourOf[place];
    context.globalAlpha = job.found && !job.found[place] ? 0.1 : 1;
    context.fillStyle = colours().programs[colour];
    context.fillRect(begin, y, Math.max(1, end - begin - (wide > 4 ? 0.6 : 0)), tall);
    const shown = Math.min(end, width) - Math.max(begin, 0);
    if (tall >= 11 && shown > 28) {
      context.fillStyle = colours().on[colour];
      fitted(context, job.nameOf(place), Math.max(begin, 0) + 3, y + tall / 2 + 0.5, shown - 6);
    }
    context.globalAlpha = 1;
  }

  drawChosen(context, width) {
    const found = this.chosen && this.placeOnCanvas(this.chosen, width);
    if (!found) return;
    context.strokeStyle = colours().text;
    context.lineWidth = 2;
    context.strokeRect(found.x - 1, found.y - 1, Math.max(3, found.wide) + 2, this.rowHeight() + 1);
  }

  placeOnCanvas({ job, place }, width) {
    const group = this.groups.find(
      (one) => one.job === job && one.host === job.hosts[job.hostOf[place]],
    );
    const row = [...this.visibleRows(this.height)].find(
      (one) => one.group === group && one.lane === job.laneOf[place],
    );
    const scale = width / (this.to - this.from);
    const x = (job.startOf[place] - this.from) * scale;
    return row && { x, y: row.y, wide: job.durationOf[place] * scale };
  }

  drawScrollBar(context, width, height) {
    const content = this.contentHeight();
    const room = height - AXIS_HEIGHT;
    if (content <= room + 1) return;
    context.fillStyle = colours().muted;
    context.globalAlpha = 0.6;
    const tall = Math.max(16, (room * room) / content);
    context.fillRect(
      width - 5,
      AXIS_HEIGHT + (this.top / (content - room)) * (room - tall),
      4,
      tall,
    );
    context.globalAlpha = 1;
  }

  /** Draw the lines of the time axis, or the axis itself. */
  drawGrid(context, width, height, isAxis) {
    if (isAxis) {
      context.fillStyle = colours().panel;
      context.fillRect(0, 0, width, AXIS_HEIGHT);
    }
    const step = stepFor((this.to - this.from) / 1e6, Math.max(2, Math.floor(width / 95)));
    const clock = this.usesClock ? this.jobs[0].clockAt(0) : 0;
    const begin = this.from / 1e6 + clock;
    for (let tick = Math.ceil(begin / step) * step; tick <= this.to / 1e6 + clock; tick += step) {
      const x = (((tick - clock) * 1e6 - this.from) / (this.to - this.from)) * width;
      if (isAxis) {
        const text = this.usesClock ? this.clockLabel(tick - clock, step) : clockText(tick, step);
        context.fillStyle = colours().muted;
        if (x + 4 + context.measureText(text).width < width)
          context.fillText(text, x + 4, AXIS_HEIGHT / 2);
      }
      context.fillStyle = isAxis ? colours().muted : colours().line;
      context.fillRect(
        Math.round(x),
        isAxis ? AXIS_HEIGHT - 5 : AXIS_HEIGHT,
        1,
        isAxis ? 5 : height,
      );
    }
  }

  clockLabel(seconds, step) {
    const shown = this.jobs[0].clockAt(Math.round(seconds * 1e6));
    return clockText(shown, step);
  }

  /** Return {job, place} of the process at a place of the canvas, within three pixels; or null. */
  at(x, y) {
    if (y < AXIS_HEIGHT) return null;
    const row = this.rowHeight();
    for (const one of this.visibleRows(this.height)) {
      if (one.lane >= 0 && y >= one.y && y < one.y + row) {
        const place = this.nearest(one.group.job, one.group.lanes[one.lane], x);
        return place < 0 ? null : { job: one.group.job, place };
      }
    }
    return null;
  }

  nearest(job, lane, x) {
    const moment = this.momentAt(x);
    const reach = (3 * (this.to - this.from)) / this.canvas.clientWidth;
    let best = -1;
    let smallest = reach;
    for (let at = firstEndingAfter(job, lane, moment - reach); at < lane.length; at++) {
      const place = lane[at];
      if (job.startOf[place] > moment + reach) break;
      const apart = Math.max(job.startOf[place] - moment, moment - job.endOf[place], 0);
      const isBetter =
        apart < smallest ||
        (apart === smallest && best >= 0 && job.durationOf[place] > job.durationOf[best]);
      if (isBetter) {
        best = place;
        smallest = apart;
      }
    }
    return best;
  }

  /** Choose a process and bring it into sight. */
  choose(chosen) {
    this.chosen = chosen;
    if (chosen) {
      const { job, place } = chosen;
      const [start, end] = [job.startOf[place], job.endOf[place]];
      if (end < this.from || start > this.to) {
        const half = (this.to - this.from) / 2;
        this.show((start + end) / 2 - half, (start + end) / 2 + half);
      }
      this.scrollTo(chosen);
    }
    this.draw();
    for (const listener of this.changed) listener();
  }

  scrollTo({ job, place }) {
    let y = this.groups.length > 1 ? 0 : GAP / 2;
    for (const group of this.groups) {
      if (this.groups.length > 1) y += HEADING_HEIGHT;
      if (group.job === job && group.host === job.hosts[job.hostOf[place]]) break;
      y += group.lanes.length * this.rowHeight() + GAP;
    }
    y += job.laneOf[place] * this.rowHeight();
    const room = this.height - AXIS_HEIGHT;
    if (y < this.top || y + this.rowHeight() > this.top + room)
      this.top = Math.max(0, y - room / 2);
  }

  /** Choose the next sought process in the order of the starts, or the one before. */
  step(direction) {
    hint(null);
    const job = this.chosen ? this.chosen.job : this.jobs[0];
    let place = this.chosen ? this.chosen.place : direction > 0 ? -1 : job.count;
    for (let tries = 0; tries < job.count; tries++) {
      place = (place + direction + job.count) % job.count;
      if (!job.found || job.found[place]) return this.choose({ job, place });
    }
    return undefined;
  }
}

/** Return the first place in a lane whose process ends after a moment. */
function firstEndingAfter(job, lane, moment) {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (job.endOf[lane[middle]] < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the seconds between marks of an axis, so that there are at most so many. */
function stepFor(seconds, most) {
  const needed = seconds / most;
  if (needed > 86400) return Math.ceil(needed / 86400) * 86400;
  if (needed >= 1) return STEPS.find((step) => step >= needed);
  const power = 10 ** Math.floor(Math.log10(needed));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= needed * 0.999999);
}
