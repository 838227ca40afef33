// The worker that a program runs in: begun from a `data:` address, which gives it an origin of its own (begin.js).
// Everything it needs is fetched once; then this page may ask no address any more, and so neither may its workers,
// which have its policy. A worker that is ended is replaced from what is there.
const CLOSED = "connect-src 'none'; worker-src 'self' data:; script-src blob: 'wasm-unsafe-eval' 'unsafe-eval'";

export async function load({ parts }) {
  const found = await Promise.all(Object.entries(parts).map(async ([name, path]) => [name, await part(name, path)]));
  const { "begin.js": begin, ...files } = Object.fromEntries(found);
  return { begin: `data:text/javascript;charset=utf-8,${encodeURIComponent(await begin.text())}`, files };
}

// The service worker keeps what is packed as it is once inflated.
async function part(name, path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  const packed = name.endsWith(".bin") && !answer.headers.has("X-Inflated");
  return (packed ? new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))) : answer).blob();
}

export function close() {
  document.head.append(Object.assign(document.createElement("meta"), { httpEquiv: "Content-Security-Policy", content: CLOSED }));
}

// A worker that tells `heard` what happens; what is posted before Python is there waits in it.
export function begin({ begin, files }, heard) {
  const worker = new Worker(begin, { type: "module", name: "lab" });
  worker.onmessage = ({ data }) => heard(JSON.parse(data));
  worker.onerror = (event) => heard({ is: "broken", error: event.message ?? "worker" });
  worker.postMessage({ parts: files });
  return { order: (order) => worker.postMessage(JSON.stringify(order)), end: () => worker.terminate() };
}
