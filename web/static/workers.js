// Begins the page's workers, which PyScript runs. Where there are cores to spare the engine's first one begins with the
// page, beside the page's own Python, unless another tab has an engine already; web/shell/link.py takes it over, and
// asks for every other.
const SPARE = 3; // cores: on two the page would react later for it
const TAKEN = "oneseek-trainer"; // held by the tab that has an engine: engine/core/storage/election.py
const { build, files, models, workers } = JSON.parse(document.getElementById("site").textContent);
const visit = crypto.randomUUID(); // in the names of channels, so that only this page and its workers know them
const begun = {};
const address = (path) => new URL(path, document.baseURI).href;
const addresses = (paths) => Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, address(path)]));

export function begin(worker, number) {
  const name = `${worker}-${number}`;
  return (begun[name] ??= { script: script(worker, name), ...mail(channel(name)) });
}

const channel = (name) => `oneseek-${visit}-${name}`;

function script(worker, name) {
  const { scripts, ...settings } = workers[worker];
  const oneseek = {
    ...settings,
    build,
    worker,
    channel: channel(name),
    scripts: addresses(Object.fromEntries(scripts.map((one) => [one, files[one]]))),
    models: addresses(models),
  };
  const config = { interpreter: address(files["python.mjs"]), plugins: ["!error"], oneseek };
  const made = Object.assign(document.createElement("script"), { type: "py", src: address(files["workers/boot.py"]) });
  for (const [key, value] of Object.entries({ worker: "", name, config: JSON.stringify(config) })) made.setAttribute(key, value);
  document.body.append(made);
  return made;
}

// What the worker tells before anybody listens waits.
function mail(name) {
  const opened = new BroadcastChannel(name), waiting = [];
  opened.onmessage = (event) => waiting.push(event);
  const listen = (heard) => {
    opened.onmessage = heard;
    waiting.splice(0).forEach(heard);
  };
  return { channel: opened, listen };
}

if (navigator.hardwareConcurrency >= SPARE) {
  const { held } = await navigator.locks.query();
  if (!held.some((lock) => lock.name === TAKEN)) begin("engine", 1);
}
