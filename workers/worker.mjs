// A worker of the page: it is told its settings, starts Python (python.mjs), and hands each request to workers/boot.py.
// That it cannot start is told to the page, because a worker that says nothing looks the same as one that is slow.
import { loadPyodide } from "./python.mjs";

const settings = new Promise((told) => addEventListener("message", ({ data }) => told(data), { once: true }));
const mail = begin();
mail.catch(broken).then(() => postMessage({ here: true }));
settings.then(() => addEventListener("message", ({ data }) => answer(data)));

async function begin() {
  const [stdout, stderr] = [console.log, console.error];
  const python = await loadPyodide({ stdout, stderr });
  performance.mark("python");
  await python.project;
  performance.mark("project");
  return python.pyimport("oneseek.workers.boot").begin(JSON.stringify(await settings));
}

async function answer({ number, text }) {
  try {
    postMessage({ number, answer: await (await mail).receive(text) });
  } catch (error) {
    postMessage({ number, failed: String(error) });
  }
}

// Spelled out here: the protocol may be the very thing that could not be loaded. It has no number.
async function broken(error) {
  const { worker, channel } = await settings;
  const detail = String(error.message ?? error).trim(), reason = detail.split("\n").at(-1);
  const event = JSON.stringify({ type: "Broken", worker, reason, detail });
  new BroadcastChannel(channel).postMessage(JSON.stringify({ worker, seq: 0, event }));
}
