// The overview above the timeline: how many processes ran at each time, and which part is shown.

const BINS = 600;

class Overview {
  constructor(timeline) {
    this.timeline = timeline;
    this.curves = timeline.jobs.map((job) => concurrency(job, timeline.least, timeline.most));
    this.most = Math.max(1, ...this.curves.map((curve) => Math.max(...curve)));
    this.canvas = element("canvas", {
      class: "overview",
      role: "img",
      "aria-label": "How many processes ran at each time",
    });
    this.draw = soon(() => this.drawNow());
    timeline.changed.push(this.draw);
    this.brush();
  }

  drawNow() {
    const { context, width, height } = prepared(this.canvas, null);
    this.curves.forEach((curve, number) => this.drawCurve(context, curve, number, width, height));
    context.fillStyle = colours().muted;
    context.fillText(`at most ${countText(Math.round(this.most))} at once`, 6, 9);
    const { from, to, least, most } = this.timeline;
    const left = ((from - least) / (most - least)) * width;
    const right = ((to - least) / (most - least)) * width;
    if (right - left > width - 1) return;
    context.fillStyle = colours().shade;
    context.fillRect(left, 0, Math.max(2, right - left), height);
    context.strokeStyle = colours().accent;
    context.lineWidth = 1.5;
    context.strokeRect(left + 0.75, 0.75, Math.max(2, right - left - 1.5), height - 1.5);
  }

  drawCurve(context, curve, number, width, height) {
    const isOnly = this.curves.length === 1;
    context.beginPath();
    context.moveTo(0, height);
    curve.forEach((value, bin) => {
      const y = height - (value / this.most) * (height - 16);
      context.lineTo((bin / BINS) * width, y);
      context.lineTo(((bin + 1) / BINS) * width, y);
    });
    context.lineTo(width, height);
    context.fillStyle = context.strokeStyle = colours().programs[isOnly ? 4 : number % OTHERS];
    if (isOnly) context.fill();
    else context.stroke();
  }

  /** Let a drag choose what is shown; a click moves it there. */
  brush() {
    const { canvas, timeline } = this;
    const momentAt = (event) => {
      const part = event.offsetX / canvas.clientWidth;
      return timeline.least + part * (timeline.most - timeline.least);
    };
    let begun = null;
    canvas.addEventListener("pointerdown", (event) => {
      begun = { x: event.offsetX, moment: momentAt(event) };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!begun || Math.abs(event.offsetX - begun.x) < 3) return;
      const moment = momentAt(event);
      timeline.show(Math.min(begun.moment, moment), Math.max(begun.moment, moment));
    });
    canvas.addEventListener("pointerup", (event) => {
      if (begun && Math.abs(event.offsetX - begun.x) < 3) {
        const half = (timeline.to - timeline.from) / 2;
        timeline.show(begun.moment - half, begun.moment + half);
      }
      begun = null;
    });
    canvas.addEventListener("dblclick", () => timeline.reset());
  }
}

/** Return how many processes of a job ran in each part of a time, on average. */
function concurrency(job, least, most) {
  const found = new Float64Array(BINS);
  const changes = new Float64Array(BINS + 1); // of how many run through a whole part
  const width = (most - least) / BINS;
  for (let place = 0; place < job.count; place++) {
    const start = (job.startOf[place] - least) / width;
    const end = (job.endOf[place] - least) / width;
    const first = Math.min(BINS - 1, Math.floor(start));
    const last = Math.min(BINS - 1, Math.floor(end));
    if (first === last) found[first] += end - start;
    else {
      found[first] += first + 1 - start;
      found[last] += end - last;
      changes[first + 1] += 1;
      changes[last] -= 1;
    }
  }
  let through = 0;
  return found.map((value, bin) => value + (through += changes[bin]));
}
