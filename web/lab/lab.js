// The lab: a program on the left, what the compiler makes of it and what a run comes to on the right. Nothing of a
// program is run before a person presses Run or Step, and then in a worker of no origin (worker.js).
import { editor } from "./editor.js";
import { linked, program as programOf } from "./link.js";
import * as view from "./view.js";
import { change, say, t } from "./words.js";
import * as worker from "./worker.js";

const MOST_SHOWN = 200000; // characters of output
const find = (id) => document.getElementById(id);
const told = JSON.parse(find("lab").textContent);
const state = { word: ["starting"], phase: "starting", device: "", waits: false, step: 0 };
let files, thread, examples = {}, runs = [], programs = [], program = 0, kernel = null, shown = "wgsl", drawing = false;

const written = editor(find("editor"), {
  label: t("program"),
  changed: () => (chooseOwn(), written.clear(), (find("problem").hidden = true)),
  visited: (line) => view.asked(line),
  run: () => find("run").disabled || run(false),
});

function chooseOwn() {
  find("example").value = "";
}

// What can be pressed, and what is said of it.
function show(phase, ...word) {
  Object.assign(state, { phase, word });
  const running = phase === "running";
  document.documentElement.dataset.lab = phase;
  find("run").disabled = running || !thread;
  find("wait").disabled = !running;
  find("wait").textContent = t(state.waits ? "go_on" : "wait");
  find("step").disabled = !thread || (running && !state.waits);
  find("end").disabled = !running;
  find("state").textContent = t(...word.map((one) => (typeof one === "function" ? one() : one)));
}

function begin() {
  thread = worker.begin(files, heard);
}

function run(waits) {
  const devices = find("devices").value.split(" ");
  [runs, programs, program, kernel] = [[], [], 0, null];
  state.waits = waits;
  state.step = 0;
  find("output").textContent = "";
  find("problem").hidden = true;
  written.clear();
  view.clear();
  view.kernel(shown, null);
  choices();
  thread.order({ do: waits ? "wait" : "go_on" });
  thread.order({ do: "run", text: written.text(), devices });
  show("running", "running", () => t(devices[0]));
  draw();
}

function end() {
  thread.end();
  begin();
  show("idle", "ended");
}

const hear = {
  ready() {
    if (state.phase !== "starting") return;
    show("idle", "ready");
    // Only now, as the whole site is kept: a first visitor waits for Python alone.
    navigator.serviceWorker?.register("sw.js").catch((error) => console.info(`not kept for offline use: ${error}`));
  },
  broken: ({ error }) => show("broken", "broken", error),
  began({ device }) {
    runs.push({ device, losses: [], ms: [] });
    if (find("devices").value.includes(" ")) hear.printed({ text: `${t(device)}:\n` });
    show("running", "running", () => t(device));
  },
  stepped({ step, loss, ms }) {
    runs.at(-1).losses.push(loss ?? NaN);
    runs.at(-1).ms.push(ms);
    state.step = step;
    if (state.waits) show("running", "waiting", step);
    draw();
  },
  printed({ text }) {
    const place = find("output");
    if (place.textContent.length < MOST_SHOWN) place.append(text);
  },
  program(facts) {
    programs.push(facts);
    if (programs.length === 1) lookAt(0);
    else choices();
  },
  kernel(facts) {
    if (!programs[facts.program]) return; // of a run before
    kernel = { ...facts, op: programs[facts.program].steps[facts.step].op };
    view.kernel(shown, kernel);
  },
  failed({ error, line }) {
    find("problem").hidden = false;
    find("problem").textContent = line ? t("at_line", line, error) : error;
    if (line) written.fault(line);
  },
  done() {
    state.waits = false;
    drawNow();
    show("idle", "done");
  },
};

function heard({ is, ...facts }) {
  if (Object.hasOwn(hear, is)) hear[is](facts);
}

function choices() {
  find("which").hidden = programs.length < 2;
  find("traced").replaceChildren(...programs.map(({ name }, i) => view.make("option", { value: i }, `${i + 1}: ${name}`)));
  find("traced").value = program;
}

function lookAt(number) {
  [program, kernel] = [number, null];
  choices();
  view.steps(programs[number], choose);
  view.buffers(programs[number]);
  view.kernel(shown, null);
}

// A step's kernels, and the lines it comes from.
function choose(step) {
  view.pressed(step);
  written.asked(programs[program].steps[step].lines);
  thread.order({ do: "kernel", program, step });
}

// At most once a frame, however fast the steps come.
function draw() {
  if (!drawing) requestAnimationFrame(drawNow);
  drawing = true;
}

function drawNow() {
  drawing = false;
  view.curve(runs);
  view.figures(runs);
}

function showKernel(name) {
  shown = name;
  view.kernel(shown, kernel);
}

async function share() {
  const address = new URL(await linked(written.text()), location.href.split("#")[0]).href;
  history.replaceState(null, "", address);
  try {
    await navigator.clipboard.writeText(address);
    find("notice").textContent = t("shared");
  } catch {
    find("notice").textContent = t("share_here");
  }
}

async function open() {
  const first = Object.keys(examples).find((name) => name === "line");
  try {
    const given = await programOf(location.hash);
    if (given !== null) {
      written.set(given);
      chooseOwn();
      find("notice").textContent = t("by_link");
      return;
    }
  } catch {
    find("notice").textContent = t("bad_link");
  }
  written.set(examples[first]);
  find("example").value = first;
}

function retell() {
  change();
  show(state.phase, ...state.word);
  find("example").options[0].textContent = t("own");
  draw();
  if (programs.length) view.steps(programs[program], choose), view.buffers(programs[program]);
  view.kernel(shown, kernel);
}

const presses = {
  run: () => run(false),
  wait() {
    state.waits = !state.waits;
    thread.order({ do: state.waits ? "wait" : "go_on" });
    state.waits ? show("running", "waiting", state.step) : show("running", "running", () => t(runs.at(-1)?.device ?? "numpy"));
  },
  step: () => (state.phase === "running" ? thread.order({ do: "one_step" }) : run(true)),
  end,
  share,
  language: retell,
  wgsl: () => showKernel("wgsl"),
  wasm: () => showKernel("wasm"),
};

say();
show("starting", "starting");
view.kernel(shown, null);
draw();
for (const [id, pressed] of Object.entries(presses)) find(id).addEventListener("click", pressed);
find("traced").addEventListener("change", ({ target }) => lookAt(Number(target.value)));
find("example").addEventListener("change", ({ target }) => {
  if (!target.value) return;
  written.set(examples[target.value]);
  find("notice").textContent = "";
});
addEventListener("hashchange", open);

async function start() {
  const coming = worker.load(told);
  coming.catch(() => {}); // told below
  const texts = Object.entries(told.examples).map(async ([name, path]) => [name, await (await fetch(path)).text()]);
  examples = Object.fromEntries(await Promise.all(texts));
  const names = Object.keys(examples).map((name) => view.make("option", { value: name }, name));
  find("example").replaceChildren(view.make("option", { value: "" }, t("own")), ...names);
  await open();
  files = await coming;
  worker.close();
  begin();
  show("starting", "starting");
}

start().catch((error) => hear.broken({ error: String(error) }));
