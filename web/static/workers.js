// Begins the page's workers and carries requests to them. Where there are cores to spare the engine's first one begins
// with the page, beside the page's own Python, unless another tab has an engine already; web/shell/link.py takes it
// over, and asks for every other.
const SPARE = 3; // cores: on two the page would react later for it
const TAKEN = "oneseek-trainer"; // held by the tab that has an engine: engine/core/storage/election.py
const { build, files, models, workers } = JSON.parse(document.getElementById("site").textContent);
const visit = crypto.randomUUID(); // in the names of channels, so that only this page and its workers know them
const begun = {};
const address = (path) => new URL(path, document.baseURI).href;
const addresses = (paths) => Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, address(path)]));

export function begin(worker, number) {
  const name = `${worker}-${number}`;
  return (begun[name] ??= { ...line(thread(worker, name)), ...mail(channel(name)) });
}

const channel = (name) => `oneseek-${visit}-${name}`;

function thread(worker, name) {
  const { scripts, ...settings } = workers[worker];
  const made = new Worker(address(files["worker.mjs"]), { type: "module", name });
  made.postMessage({
    ...settings,
    build,
    worker,
    channel: channel(name),
    scripts: addresses(Object.fromEntries(scripts.map((one) => [one, files[one]]))),
    models: addresses(models),
    outside: address(files["outside.js"]),
  });
  return made;
}

// `receive` brings a request's answer; `here` is over once the worker has begun, or cannot.
function line(thread) {
  const waiting = new Map();
  let asked = 0, here;
  const begun = new Promise((done) => (here = done));
  thread.onmessage = ({ data: { number, answer, failed } }) => {
    if (!number) return here();
    const [done, refused] = waiting.get(number);
    waiting.delete(number);
    failed ? refused(new Error(failed)) : done(answer);
  };
  const receive = (text) =>
    new Promise((...ends) => {
      waiting.set(++asked, ends);
      thread.postMessage({ number: asked, text });
    });
  return { thread, receive, here: begun };
}

// What the worker tells before anybody listens waits.
function mail(name) {
  const opened = new BroadcastChannel(name), waiting = [];
  opened.onmessage = (event) => waiting.push(event);
  const listen = (heard) => {
    opened.onmessage = heard;
    for (const event of waiting.splice(0)) heard(event);
  };
  return { channel: opened, listen };
}

if (navigator.hardwareConcurrency >= SPARE) {
  const { held } = await navigator.locks.query();
  if (!held.some((lock) => lock.name === TAKEN)) begin("engine", 1);
}
