// The process tree, drawn from the top: a process is as wide as it and its descendants took.

const FRAME_HEIGHT = 20;
const MOST_LEVELS = 60;
const MOST_ABOVE = 6; // levels that are shown above a part

class Tree {
  constructor(job, onChoose) {
    this.measure = "cpu";
    this.isMerged = true;
    this.frames = [];
    this.onChoose = onChoose;
    this.canvas = element("canvas", {
      class: "tree",
      tabindex: "0",
      role: "img",
      "aria-label":
        "Process tree. Arrow keys go through it, Enter shows a part alone, Escape the part above it.",
    });
    this.crumbs = element("nav", { class: "crumbs", "aria-label": "Shown part of the tree" });
    this.status = element("div", { class: "detail", "aria-live": "polite" });
    this.draw = soon(() => this.drawNow());
    this.handle();
    this.setJob(job);
  }

  setJob(job) {
    this.job = job;
    this.build();
  }

  set(changes) {
    Object.assign(this, changes);
    this.build();
  }

  build() {
    this.tree = makeTree(this.job, this.isMerged);
    sortTree(this.tree.root, this.isMerged ? this.measure : null);
    this.focusOn(this.tree.root);
  }

  focusOn(node) {
    this.focus = this.current = node;
    const above = this.above();
    const path = node.parent
      ? [this.tree.root, ...above.slice(above[0] === this.tree.root ? 1 : 0), node]
      : [node];
    this.crumbs.replaceChildren(
      ...path.flatMap((one, level) => [
        level ? (one.parent === path[level - 1] ? "\u203a" : "\u2026") : "",
        button(one.name, () => this.focusOn(one), { "aria-pressed": String(one === node) }),
      ]),
    );
    this.tell(node);
    this.draw();
  }

  /** Return the nearest nodes above the part that is shown, the highest first. */
  above() {
    const found = [];
    for (let one = this.focus.parent; one && found.length < MOST_ABOVE; one = one.parent)
      found.unshift(one);
    return found;
  }

  /** Show the frame that a process is in. */
  focusOnProcess(place) {
    this.focusOn(this.tree.nodes[place] || this.tree.root);
  }

  tell(node) {
    this.status.replaceChildren(definitions(this.described(node)));
  }

  described(node) {
    const total = this.tree.root[this.measure] || 1;
    const rows = [
      ["program", node.name],
      ["CPU time", `${timeText(node.cpu)} with its children, ${timeText(node.ownCpu)} of its own`],
      ["wall time", `${timeText(node.wall)}, with its children`],
      ["part of the job", `${((100 * node[this.measure]) / total).toFixed(1)} %`],
    ];
    if (node.place >= 0) return [...this.job.described(node.place), ...rows.slice(2)];
    if (!node.parent) rows[1][1] = timeText(node.cpu);
    return [rows[0], ["processes", countText(node.count)], ...rows.slice(1)];
  }

  drawNow() {
    const above = this.above();
    const levels = Math.min(MOST_LEVELS, depthOf(this.focus)) + above.length;
    const { context, width } = prepared(this.canvas, levels * FRAME_HEIGHT + 2);
    this.frames = [];
    above.forEach((node, level) => this.drawFrame(context, node, 0, width, level, true));
    const waiting = [[this.focus, 0, width, above.length]];
    while (waiting.length) {
      const [node, x, wide, level] = waiting.pop();
      this.drawFrame(context, node, x, wide, level, false);
      if (level - above.length + 1 >= MOST_LEVELS) continue;
      const scale = node[this.measure] ? wide / node[this.measure] : 0;
      let left = x;
      for (const child of node.children) {
        const part = child[this.measure] * scale;
        if (part >= 0.4) waiting.push([child, left, part, level + 1]);
        left += part;
      }
    }
  }

  drawFrame(context, node, x, wide, level, isAbove) {
    const y = level * FRAME_HEIGHT;
    this.frames.push({ node, x, wide, level });
    const isFaint =
      isAbove || (this.job.found && !node.places.some((place) => this.job.found[place]));
    context.globalAlpha = isFaint ? (isAbove ? 0.55 : 0.15) : 1;
    const colour = node.parent ? node.colour : OTHERS;
    context.fillStyle = colours().programs[colour];
    context.fillRect(x, y + 1, Math.max(0.6, wide - (wide > 3 ? 1 : 0)), FRAME_HEIGHT - 1);
    if (wide > 24) {
      context.fillStyle = colours().on[colour];
      const many = node.count > 1 && node.parent ? ` \u00d7${countText(node.count)}` : "";
      fitted(context, node.name + many, x + 4, y + FRAME_HEIGHT / 2 + 1, wide - 8);
    }
    context.globalAlpha = 1;
    if (node === this.current && node !== this.focus) {
      context.strokeStyle = colours().text;
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 2, Math.max(2, wide - 2), FRAME_HEIGHT - 3);
    }
  }

  at(x, y) {
    const level = Math.floor(y / FRAME_HEIGHT);
    const found = this.frames.find(
      (frame) => frame.level === level && x >= frame.x && x < frame.x + Math.max(1, frame.wide),
    );
    return found ? found.node : null;
  }

  handle() {
    this.canvas.addEventListener("pointermove", (event) => {
      const node = this.at(event.offsetX, event.offsetY);
      hint(node && this.described(node), event.clientX, event.clientY);
    });
    this.canvas.addEventListener("pointerleave", () => hint(null));
    this.canvas.addEventListener("click", (event) => {
      const node = this.at(event.offsetX, event.offsetY);
      if (!node) return;
      hint(null);
      this.focusOn(node);
      if (node.place >= 0) this.onChoose(this.job, node.place);
    });
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
  }

  pressed(event) {
    const node = this.current;
    const siblings = node.parent ? node.parent.children : [node];
    const place = siblings.indexOf(node);
    const targets = {
      ArrowDown: node.children[0],
      ArrowUp: node === this.focus ? null : node.parent,
      ArrowLeft: node === this.focus ? null : siblings[place - 1],
      ArrowRight: node === this.focus ? null : siblings[place + 1],
    };
    if (event.key in targets) {
      this.current = targets[event.key] || node;
      this.tell(this.current);
      this.draw();
    } else if (event.key === "Enter") this.focusOn(node);
    else if ((event.key === "Escape" || event.key === "Backspace") && this.focus.parent)
      this.focusOn(this.focus.parent);
    else return;
    event.preventDefault();
  }
}

function newNode(name, colour, parent) {
  return {
    name,
    colour,
    parent,
    cpu: 0,
    wall: 0,
    ownCpu: 0,
    count: 0,
    place: -1,
    places: [],
    children: [],
    byName: new Map(),
  };
}

/** Return {root, nodes: of each process}; merged: the children of a node that run one program are
 * one node. No function here calls itself: a tree may be as deep as it likes. */
function makeTree(job, isMerged) {
  const root = newNode(`job ${job.name}`, OTHERS, null);
  const order = parentsFirst(job);
  const wall = inclusiveWall(job, order);
  const nodes = new Array(job.count);
  for (const place of order) {
    const above = job.parentOf[place] < 0 ? root : nodes[job.parentOf[place]];
    const name = job.nameOf(place);
    let node = isMerged ? above.byName.get(name) : undefined;
    if (!node) {
      node = newNode(name, job.colourOf[place], above);
      above.byName.set(name, node);
      above.children.push(node);
      node.place = isMerged ? -1 : place;
    }
    node.cpu += job.inclusive_cpuOf[place];
    node.ownCpu += job.cpuOf[place];
    node.wall += wall[place];
    node.count += 1;
    node.places.push(place);
    nodes[place] = node;
  }
  for (const child of root.children) {
    root.cpu += child.cpu;
    root.wall += child.wall;
  }
  root.count = job.count;
  root.places = order;
  return { root, nodes };
}

function parentsFirst(job) {
  const children = Array.from({ length: job.count + 1 }, () => null);
  for (let place = 0; place < job.count; place++) {
    const above = job.parentOf[place] < 0 ? job.count : job.parentOf[place];
    (children[above] ||= []).push(place);
  }
  const order = [];
  const add = (some) => {
    for (const place of some || []) order.push(place);
  };
  add(children[job.count]);
  for (let at = 0; at < order.length; at++) add(children[order[at]]);
  return order;
}

/** Return of each process its duration, or what its children took together where that is more. */
function inclusiveWall(job, order) {
  const below = new Float64Array(job.count);
  const found = new Float64Array(job.count);
  for (let at = order.length - 1; at >= 0; at--) {
    const place = order[at];
    found[place] = Math.max(job.durationOf[place], below[place]);
    if (job.parentOf[place] >= 0) below[job.parentOf[place]] += found[place];
  }
  return found;
}

/** Sort all children by a measure, the largest first; null leaves them in the order of the starts. */
function sortTree(root, measure) {
  const waiting = measure ? [root] : [];
  while (waiting.length) {
    const node = waiting.pop();
    node.children.sort((a, b) => b[measure] - a[measure]);
    for (const child of node.children) waiting.push(child);
  }
}

/** Return how many levels a node has, itself one of them. */
function depthOf(node) {
  let level = [node];
  let depth = 0;
  while (level.length && depth < MOST_LEVELS) {
    depth += 1;
    level = level.flatMap((one) => one.children);
  }
  return depth;
}
