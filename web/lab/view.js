// What a run came to and what the compiler made, drawn.
import { bytes, number, t } from "./words.js";

const [WIDE, HIGH, EDGE] = [600, 180, 4]; // of a drawing, in its own units
const find = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function shape(name, attributes, ...inside) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function table(place, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  place.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
}

// The losses of each device over the steps.
export function curve(runs) {
  const all = runs.flatMap(({ losses }) => losses).filter(Number.isFinite);
  const [least, most] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
  const count = Math.max(0, ...runs.map(({ losses }) => losses.length));
  const x = (i) => EDGE + (i * (WIDE - 2 * EDGE)) / Math.max(1, count - 1);
  const y = (loss) => HIGH - EDGE - ((loss - least) * (HIGH - 2 * EDGE)) / (most - least || 1);
  const line = ({ device, losses }) => {
    const points = losses.map((loss, i) => (Number.isFinite(loss) ? `${x(i)},${y(loss)}` : "")).join(" ");
    return shape("polyline", { class: `run ${device}`, points });
  };
  const label = (at, text) => shape("text", { x: WIDE - EDGE, y: at, "text-anchor": "end" }, text);
  const labels = all.length ? [label(18, number(most, 4)), label(HIGH - 8, number(least, 4))] : [];
  find("curve").replaceChildren(...runs.map(line), ...labels);
  find("curve").setAttribute("aria-label", t("curve", count));
}

export function figures(runs) {
  const heads = ["device", "steps_done", "first", "last", "difference", "ms"].map((name) => t(name));
  const known = runs.find(({ device }) => device === "numpy")?.losses;
  const rows = runs.map(({ device, losses, ms }) => {
    const off = known && device !== "numpy" && losses.length ? share(distance(losses, known)) : "–";
    const shown = [losses.at(0), losses.at(-1)].map((loss) => (Number.isFinite(loss) ? number(loss, 5) : "–"));
    const cells = [String(losses.length), ...shown, off, ms.length ? number(middle(ms), 3) : "–"];
    const swatch = make("span", { class: `swatch ${device}`, "aria-hidden": "true" });
    return make("tr", {}, make("th", { scope: "row" }, swatch, t(device)), ...cells.map((text) => make("td", {}, text)));
  });
  table(find("figures"), heads, rows);
}

// The largest difference of two rows of losses, as a share of those that are known.
function distance(losses, known) {
  const apart = losses.map((loss, i) => Math.abs(loss - known[i]) / Math.max(1e-12, Math.abs(known[i])));
  return apart.reduce((a, b) => Math.max(a, b), 0);
}

const share = (value) => (value === 0 ? "0" : value.toExponential(1));
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// Nothing was made yet.
export function clear() {
  for (const id of ["steps", "buffers"]) find(id).replaceChildren();
  find("buffers").setAttribute("aria-label", t("nothing_yet"));
  find("summary").textContent = t("nothing_yet");
}

// The steps of a program; `chosen` hears of the number of one that is pressed.
export function steps(program, chosen) {
  find("summary").textContent = t("summary", program.steps.length, bytes(program.bytes), bytes(program.least_bytes));
  const rows = program.steps.map((step, i) => {
    const button = make("button", { type: "button", class: "link", "data-step": i, "aria-pressed": "false" }, step.op);
    button.title = Object.entries(step.attributes).map(([name, value]) => `${name}=${value}`).join(" ");
    button.addEventListener("click", () => chosen(i));
    const reads = make("span", { class: "reads" }, `(${step.reads.map(typed).join(", ")})`);
    return make("tr", { class: step.part, "data-lines": step.lines.join(" ") },
      make("td", {}, String(i)),
      make("td", {}, make("span", { class: "part" }, t(step.part))),
      make("td", {}, button, " ", reads),
      make("td", {}, step.makes.map(typed).join(", ")),
      make("td", {}, step.lines.join(", ")));
  });
  table(find("steps"), ["#", t("part"), t("does"), t("makes"), t("line")], rows);
}

const typed = ({ name, type, shape }) => `${name.replace(/^in\.(0\.)?/, "")}:${type}[${shape.join(",")}]`;

export function pressed(number) {
  for (const button of document.querySelectorAll("[data-step]"))
    button.setAttribute("aria-pressed", String(button.dataset.step === String(number)));
}

// The steps that a line asked for.
export function asked(line) {
  const rows = [...document.querySelectorAll("#steps tbody tr")];
  for (const row of rows) row.classList.toggle("asked", row.dataset.lines.split(" ").includes(String(line)));
  rows.find((row) => row.classList.contains("asked"))?.scrollIntoView({ block: "nearest" });
}

// Each stretch of memory: from left to right the steps, from bottom to top where it lies.
export function buffers({ buffers, steps }) {
  const most = Math.max(1, ...buffers.map(({ offset, bytes }) => offset + bytes));
  const x = (step) => (step * WIDE) / Math.max(1, steps.length);
  const drawn = buffers.map(({ values, first, last, offset, bytes: size }) => {
    const [left, right] = [x(first), x(Math.min(last + 1, steps.length))];
    const height = Math.max(1, (size * HIGH) / most);
    const at = { x: left, y: HIGH - (offset * HIGH) / most - height, width: Math.max(1, right - left), height };
    const title = shape("title", {}, t("buffer", values.join(", "), first, last, bytes(size)));
    return shape("rect", { class: steps[first].part, ...at }, title);
  });
  find("buffers").replaceChildren(...drawn);
  find("buffers").setAttribute("aria-label", t("buffers_label", buffers.length));
}

export function kernel(shown, facts) {
  const text = facts ? facts[shown] : t("choose");
  const [, entry] = text.match(/^\/\/ \S+ (\w+),/) ?? []; // of WGSL: what a file has is more than one kernel
  const at = entry ? text.indexOf(`fn ${entry}(`) : -1;
  const mark = make("mark", {}, text.slice(at, at < 0 ? at : text.indexOf("{", at)));
  find("kernel").replaceChildren(...(at < 0 ? [text] : [text.slice(0, at), mark, text.slice(text.indexOf("{", at))]));
  find("kernel").scrollTop = at < 0 ? 0 : mark.offsetTop - 60;
  find("kernel-of").textContent = facts ? t("kernel_of", facts.step, facts.op) : "";
  for (const name of ["wgsl", "wasm"]) find(name).setAttribute("aria-pressed", String(name === shown));
}
