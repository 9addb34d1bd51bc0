// What all parts of the page share: elements, texts of numbers, colours, canvases, the hint.

const DATA = JSON.parse(document.getElementById("data").textContent);
const OTHERS = 8; // the number of the colour of programs that have none of their own
const PALETTE = new Map(DATA.palette.map((name, number) => [name, number]));
const KIB = 1024;

/** Return an element; texts among its children stay texts, whatever is in them. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(key, value === true ? "" : value);
    }
  }
  made.append(...children);
  return made;
}

function button(text, action, attributes) {
  return element("button", { type: "button", onclick: action, ...attributes }, text);
}

/** Return a select with a label; choices are [value, text]. */
function choice(label, choices, action, attributes) {
  const select = element("select", { onchange: () => action(select.value), ...attributes });
  for (const [value, text] of choices) select.append(element("option", { value }, text));
  return element("label", {}, label, select);
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function countText(value) {
  return whole.format(value);
}

/** Return microseconds as people read a duration. */
function timeText(microseconds) {
  const size = Math.abs(microseconds);
  const sign = microseconds < 0 ? "\u2212" : "";
  if (size < 1e3) return `${sign}${Math.round(size)} \u00b5s`;
  if (size < 1e6) return `${sign}${significant(size / 1e3)} ms`;
  const seconds = size / 1e6;
  if (seconds < 60) return `${sign}${significant(seconds)} s`;
  if (seconds < 3600)
    return `${sign}${Math.floor(seconds / 60)} min ${two(Math.floor(seconds % 60))} s`;
  const minutes = Math.floor(seconds / 60);
  return `${sign}${countText(Math.floor(minutes / 60))} h ${two(minutes % 60)} min`;
}

function significant(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function two(value) {
  return String(value).padStart(2, "0");
}

function bytesText(bytes) {
  const size = Math.abs(bytes);
  const sign = bytes < 0 ? "\u2212" : "";
  if (size < KIB) return `${sign}${Math.round(size)} B`;
  const power = Math.min(6, Math.floor(Math.log2(size) / 10));
  return `${sign}${significant(size / KIB ** power)} ${" KMGTPE"[power]}iB`;
}

function memoryText(kilobytes) {
  return bytesText(kilobytes * KIB);
}

/** Return h:mm:ss of seconds, with as many decimals as `step`, in seconds, needs. */
function clockText(seconds, step) {
  const decimals = step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
  const sign = seconds < -1e-9 ? "\u2212" : "";
  const units = Math.round(Math.abs(seconds) * 10 ** decimals);
  const full = Math.floor(units / 10 ** decimals);
  const rest = decimals ? "." + String(units % 10 ** decimals).padStart(decimals, "0") : "";
  return `${sign}${Math.floor(full / 3600)}:${two(Math.floor(full / 60) % 60)}:${two(full % 60)}${rest}`;
}

function orUnknown(value, text) {
  return value === null || value === undefined || value < 0 ? "unknown" : text(value);
}

let coloursNow = null;

/** Return the colours of the style sheet, as the page is shown now. */
function colours() {
  if (coloursNow) return coloursNow;
  const style = getComputedStyle(document.documentElement);
  const one = (name) => style.getPropertyValue(name).trim();
  const programs = [0, 1, 2, 3, 4, 5, 6, 7]
    .map((number) => one(`--p${number}`))
    .concat(one("--others"));
  coloursNow = { programs, on: programs.map(readableOn) };
  for (const name of [
    "back",
    "panel",
    "line",
    "faint",
    "text",
    "muted",
    "accent",
    "mark",
    "shade",
  ]) {
    coloursNow[name] = one(`--${name}`);
  }
  return coloursNow;
}

/** Return black or white, whichever is easier to read on a colour #rrggbb. */
function readableOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 125 ? "#000000" : "#ffffff";
}

function swatch(program) {
  const number = PALETTE.has(program) ? PALETTE.get(program) : OTHERS;
  return element("span", { class: `swatch c${number}` });
}

// Whatever draws on a canvas; all are drawn again when sizes or colours change.
const drawings = [];

/** Return a function that draws soon, once, however often it is called before. */
function soon(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}

function drawAll() {
  coloursNow = null;
  for (const draw of drawings) draw();
}

/** Return the context of a canvas of that height, cleared; one unit is one pixel of CSS. */
function prepared(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  if (height !== null) canvas.style.height = `${height}px`;
  const width = canvas.clientWidth;
  const tall = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(tall * ratio)) canvas.height = Math.round(tall * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, tall);
  context.font = '11px system-ui, "DejaVu Sans", sans-serif';
  context.textBaseline = "middle";
  return { context, width, height: tall };
}

/** Write a text that ends where its room does. */
function fitted(context, text, x, y, room) {
  const fits = Math.floor(room / 4);
  let shown = text.length > fits ? text.slice(0, fits) : text;
  while (shown && context.measureText(shown).width > room) shown = shown.slice(0, -1);
  if (shown.length < text.length) shown = shown.length > 3 ? shown.slice(0, -1) + "\u2026" : "";
  context.fillText(shown, x, y);
}

function definitions(rows) {
  const list = element("dl");
  for (const [name, value] of rows) list.append(element("dt", {}, name), element("dd", {}, value));
  return list;
}

/** Show rows beside a place of the window; null hides them. */
function hint(rows, x, y) {
  const box = document.getElementById("hint");
  box.hidden = !rows;
  if (!rows) return;
  box.replaceChildren(definitions(rows));
  const { offsetWidth: wide, offsetHeight: tall } = box;
  const left = x + 16 + wide > window.innerWidth ? Math.max(4, x - wide - 12) : x + 16;
  const top = y + 16 + tall > window.innerHeight ? Math.max(4, y - tall - 12) : y + 16;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

function section(id, title, ...children) {
  const heading = element("h2", { id: `${id}-title` }, title);
  return element("section", { id, "aria-labelledby": `${id}-title` }, heading, ...children);
}

/** Put a text on the clipboard; where a browser does not let a file do so, by way of a selection. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
