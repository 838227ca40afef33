// window.oneseek: OpenAI's calls inside the page, for extensions and tests; the service worker carries them
// to the engine, so nothing of them leaves the browser either.
const ROOT = new URL("./", location).href;

class OneSeekError extends Error {
  constructor(status, { message, type, code }) {
    super(message);
    Object.assign(this, { name: "OneSeekError", status, type, code });
  }
}

// Until the service worker of this page is in charge; it is from the second visit on, or a moment after the first.
async function inCharge() {
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 50));
}

async function ask(path, body, signal) {
  await inCharge();
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
