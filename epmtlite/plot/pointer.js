// What a pointer, a wheel and keys do to the timeline.

const CLICK_PIXELS = 4;

/** Let a timeline be moved and zoomed; onHover(what, event) and onChoose(what) are told. */
function handleTimeline(timeline, onHover, onChoose) {
  const { canvas } = timeline;
  const pointers = new Map();
  let moved = 0;
  let begun = null; // where a drag that chooses a part began: the time

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      onHover(null, event);
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      const perPixel = (timeline.to - timeline.from) / canvas.clientWidth;
      if (event.shiftKey) timeline.move(0, pixels || event.deltaX);
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
        timeline.move(event.deltaX * perPixel, 0);
      else timeline.zoom(Math.exp(-pixels * 0.0022), timeline.momentAt(event.offsetX));
    },
    { passive: false },
  );

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    moved = 0;
    begun = event.shiftKey ? timeline.momentAt(event.offsetX) : null;
    canvas.classList.add("moving");
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      onHover(timeline.at(event.offsetX, event.offsetY), event);
      return;
    }
    onHover(null, event);
    const after = { x: event.offsetX, y: event.offsetY };
    moved += Math.abs(after.x - before.x) + Math.abs(after.y - before.y);
    if (pointers.size === 2) pinch(timeline, pointers, event.pointerId, after);
    else if (begun === null && moved >= CLICK_PIXELS) {
      const perPixel = (timeline.to - timeline.from) / canvas.clientWidth;
      timeline.move((before.x - after.x) * perPixel, before.y - after.y);
    }
    pointers.set(event.pointerId, after);
  });

  const release = (event) => {
    canvas.classList.remove("moving");
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel") return;
    if (begun !== null && moved >= CLICK_PIXELS) {
      const moment = timeline.momentAt(event.offsetX);
      timeline.show(Math.min(begun, moment), Math.max(begun, moment));
    } else if (moved < CLICK_PIXELS) onChoose(timeline.at(event.offsetX, event.offsetY));
    begun = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => onHover(null, event));
  canvas.addEventListener("dblclick", () => timeline.reset());
  canvas.addEventListener("keydown", (event) => {
    hint(null);
    pressed(timeline, event);
  });
}

/** Zoom and move as two fingers do: each keeps the moment below it. */
function pinch(timeline, pointers, number, after) {
  const [other] = [...pointers].filter(([key]) => key !== number).map(([, value]) => value);
  const before = pointers.get(number);
  const distance = Math.max(10, Math.abs(before.x - other.x));
  const factor = Math.max(10, Math.abs(after.x - other.x)) / distance;
  timeline.zoom(factor, timeline.momentAt(other.x));
}

function pressed(timeline, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const part = (timeline.to - timeline.from) * 0.15;
  const row = timeline.rowHeight();
  const actions = {
    ArrowLeft: () => timeline.move(-part, 0),
    ArrowRight: () => timeline.move(part, 0),
    ArrowUp: () => timeline.move(0, -3 * row),
    ArrowDown: () => timeline.move(0, 3 * row),
    "+": () => timeline.zoom(1.5),
    "=": () => timeline.zoom(1.5),
    "-": () => timeline.zoom(1 / 1.5),
    0: () => timeline.reset(),
    Home: () => timeline.reset(),
    n: () => timeline.step(1),
    p: () => timeline.step(-1),
    "]": () => setRow(timeline, row + 2),
    "[": () => setRow(timeline, row - 2),
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** Make the lanes taller or flatter. */
function setRow(timeline, pixels) {
  timeline.row = Math.max(1, Math.min(LARGEST_ROW * 2, pixels));
  timeline.draw();
}
