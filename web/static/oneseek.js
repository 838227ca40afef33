// window.oneseek: OpenAI's calls inside the page, for extensions and tests; the service worker carries them
// to the engine, so nothing of them leaves the browser either.
const ROOT = new URL("./", location).href;
const API = new RegExp(JSON.parse(document.getElementById("site").textContent).api);
const { serviceWorker } = navigator;
const send = window.fetch.bind(window);

class OneSeekError extends Error {
  constructor(status, { message, type, code }) {
    super(message);
    Object.assign(this, { name: "OneSeekError", status, type, code });
  }
}

// What is asked of the API before the service worker is in charge, on a first visit, waits until it is. A page that was
// loaded past it (Shift and Reload) asks it to take charge.
async function inCharge() {
  const { active } = await serviceWorker.ready;
  if (serviceWorker.controller) return;
  const changed = new Promise((go) => serviceWorker.addEventListener("controllerchange", go, { once: true }));
  active.postMessage("take-charge");
  await changed;
}

const aborted = (signal) => new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(signal.reason)));

window.fetch = async (resource, options) => {
  const url = new URL(resource.url ?? resource, document.baseURI).href;
  const waits = serviceWorker && !serviceWorker.controller && url.startsWith(ROOT);
  if (waits && API.test(url.slice(ROOT.length).split(/[?#]/)[0])) {
    await Promise.race([inCharge(), aborted(options?.signal ?? resource.signal)]);
  }
  return send(resource, options);
};

async function ask(path, body, signal) {
  const sent = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(ROOT + path, { ...sent, signal });
  if (!answer.ok) throw new OneSeekError(answer.status, (await answer.json()).error);
  return answer;
}

// The chunks of a streamed answer, as they come.
async function* chunks(answer) {
  let rest = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new OneSeekError(500, chunk.error);
      yield chunk;
    }
  }
}

async function create(body, { signal } = {}) {
  const answer = await ask("v1/chat/completions", body, signal);
  return body.stream ? chunks(answer) : answer.json();
}

const list = async () => (await ask("v1/models")).json();

window.oneseek = Object.freeze({ chat: { completions: { create } }, models: { list } });
