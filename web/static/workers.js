// How a worker begins, and the engine's at once: beside the page's own Python, which takes it over when it is there
// (web/shell/link.py). What the worker tells until then is kept for it.
const facts = JSON.parse(document.getElementById("site").textContent);
const visit = crypto.randomUUID(); // in the names of channels, so that only this page and its workers know them
const TRAINER = "oneseek-trainer"; // the lock of the tab that has the engine (engine/core/storage/election.py)
const begun = new Map();

const address = (name) => new URL(facts.files[name], document.baseURI).href;

function begin(worker, number) {
  const name = `${worker}-${number}`;
  const settings = { ...facts.workers[worker], worker, channel: `oneseek-${visit}-${name}`, build: facts.build };
  settings.project = address(settings.project);
  settings.scripts = Object.fromEntries(settings.scripts.map((script) => [script, address(script)]));
  settings.models = Object.fromEntries(models().map((file) => [file.slice("models/".length, -".gguf".length), address(file)]));
  const line = { name, heard: [], channel: new BroadcastChannel(settings.channel) };
  line.channel.onmessage = ({ data }) => line.heard.push(data);
  line.script = Object.assign(document.createElement("script"), { type: "py", src: address("workers/boot.py") });
  const config = { interpreter: address("python.mjs"), plugins: ["!error"], oneseek: settings };
  for (const [key, value] of Object.entries({ worker: "", name, config: JSON.stringify(config) })) line.script.setAttribute(key, value);
  document.body.append(line.script);
  begun.set(name, line);
}

function models() {
  return Object.keys(facts.files).filter((name) => name.startsWith("models/"));
}

globalThis.workerLine = (worker, number) => {
  if (!begun.has(`${worker}-${number}`)) begin(worker, number);
  return begun.get(`${worker}-${number}`);
};

const { held } = (await navigator.locks?.query()) ?? { held: [] };
if (!held.some(({ name }) => name === TRAINER)) globalThis.workerLine("engine", 1);
