// Keeps one whole build offline and serves nothing else. build.py fills in SITE: the build's hash, every file
// with its sha256, and the headers of each kind of file, which a plain static host does not send.
const SITE = {};
const PREFIX = "oneseek-";
const CACHE = PREFIX + SITE.build;
const API = new RegExp(SITE.api);
const DESCRIPTION = /^(docs|openapi\.json)$/; // of the API: the same for everybody, and all that a navigation gets
const MAX_BODY = 1 << 20;
const STRANGER = "only the page of OneSeek itself may ask this, with fetch; nothing was changed";
const ROOT = new URL("./", self.location).href;

self.addEventListener("install", (event) => {
  event.addRoutes?.(Object.keys(SITE.files).filter(straight).map(route));
  event.waitUntil(install());
});
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "use-new-build") self.skipWaiting();
  if (event.data === "take-charge") event.waitUntil(self.clients.claim());
});
self.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path in SITE.files) event.respondWith(serve(path, event.request));
  else if (event.request.url.startsWith(ROOT) && API.test(plain(event.request.url))) event.respondWith(answer(event));
});

// Where the browser has routes, it takes these from the cache by itself and need not start this worker first.
const straight = (path) => SITE.files[path].keep === "now" && !path.endsWith(".wasm");

function route(path) {
  const { pathname } = new URL(kept(path), ROOT);
  return { condition: { urlPattern: new URLPattern({ pathname, search: "", baseURL: ROOT }) }, source: { cacheName: CACHE } };
}

// The address under which a file lies in the cache: the one at which it is asked for.
const kept = (path) => (path === "index.html" ? "./" : path);

// A request's path as SITE lists it; every navigation within the scope is the page.
function pathOf({ url, mode, method }) {
  if (method !== "GET" || !url.startsWith(ROOT)) return null;
  const path = plain(url);
  if (mode === "navigate" && `${path}.html` in SITE.files) return `${path}.html`;
  return path === "" || (mode === "navigate" && path === "index.html") ? "index.html" : path;
}

// An address below ours, without its query.
function plain(url) {
  return url.slice(ROOT.length).split(/[?#]/)[0];
}

// All or nothing: a file that is not what the list says leaves the build before in charge.
async function install() {
  const now = Object.keys(SITE.files).filter((path) => SITE.files[path].keep === "now");
  const done = await Promise.allSettled(now.map(keep)); // none is still under way when all are thrown away
  const failed = done.find((one) => one.status === "rejected");
  if (!failed) return;
  await caches.delete(CACHE);
  throw failed.reason;
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function serve(path, request) {
  if (SITE.files[path].keep === "never") return fetch(request);
  const found = (await compiled(path, request)) ?? (await (await caches.open(CACHE)).match(kept(path)));
  return found ?? (await keep(path));
}

// The browser keeps what it compiled of WebAssembly with its own copy of the file: the one that was checked when it was
// kept. Given on as it is, from no network, it need not be compiled again.
async function compiled(path, request) {
  if (!path.endsWith(".wasm")) return null;
  const own = await fetch(request, { cache: "only-if-cached", mode: "same-origin" }).catch(() => null);
  return own?.ok && own.headers.get("content-type") === "application/wasm" ? own : null;
}

// Into the cache, from an earlier build where it has the same file, checked either way.
async function keep(path) {
  const { sha256, headers } = SITE.files[path];
  const bytes = (await earlier(path, sha256)) ?? (await fetched(path));
  if ((await hashed(bytes)) !== sha256) throw new Error(`${path} is not of this build`);
  const response = new Response(bytes, { headers: SITE.headers[headers] });
  await (await caches.open(CACHE)).put(kept(path), response.clone());
  return response;
}

async function earlier(path, sha256) {
  const before = path.includes("/") && (await caches.match(path));
  const bytes = before && (await before.arrayBuffer());
  return bytes && (await hashed(bytes)) === sha256 ? bytes : null;
}

// What is packed is kept as it is once inflated: that is a quarter of a second less at each later start.
async function fetched(path) {
  const answer = await fetch(kept(path), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${path}: the server says ${answer.status}`);
  const packed = "X-Inflated" in SITE.headers[SITE.files[path].headers];
  return (packed ? new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))) : answer).arrayBuffer();
}

async function hashed(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Requests of other origins reach this worker as navigations alone (a form, a frame, a window, a link), and a
// navigation does not say who began it. Everything else comes from a client of our own origin. Only the page itself may
// ask, and is asked itself: it answers for no other.
async function answer({ request, clientId }) {
  const pages = (await clients.matchAll({ type: "window" })).filter(({ url }) => isThePage(url));
  if (request.mode !== "navigate") {
    const page = pages.find(({ id }) => id === clientId);
    return page ? ask(page, request, [["origin", new URL(page.url).origin]]) : refuse(STRANGER, 403, "forbidden");
  }
  if (request.method !== "GET" || !DESCRIPTION.test(plain(request.url))) return refuse(STRANGER, 403, "forbidden");
  return pages.length ? ask(pages[0], request, []) : refuse("no page of OneSeek is open");
}

function isThePage(url) {
  return url.startsWith(ROOT) && ["", "index.html"].includes(plain(url));
}

// The HTTP API lives in the engine's worker, which only a page can reach: it gets the request and a port, and
// answers with parts, the first of which has the status and the headers.
async function ask(page, request, who) {
  const url = new URL(request.url);
  const { port1, port2 } = new MessageChannel();
  const parts = inbox(port1);
  const given = new Uint8Array(await request.arrayBuffer());
  if (given.length > MAX_BODY) return refuse(`a body may have at most ${MAX_BODY} bytes`, 413, "too_large");
  const body = base64(given);
  const headers = [...request.headers, ["host", url.host], ...who];
  const path = "/" + decoded(plain(url.href));
  page.postMessage({ call: JSON.stringify({ method: request.method, path, query: url.search.slice(1), headers, body }) }, [port2]);
  const first = await parts.next();
  if (first.failed) return refuse(first.failed);
  const stream = new ReadableStream({
    async pull(controller) {
      let part = await parts.next();
      while (!part.body && !part.last && !part.failed) part = await parts.next();
      if (part.body) controller.enqueue(Uint8Array.from(atob(part.body), (letter) => letter.charCodeAt(0)));
      if (part.last || part.failed) controller.close();
    },
    cancel: () => port1.postMessage("left"),
  });
  return new Response(stream, { status: first.status, headers: first.headers });
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function inbox(port) {
  const waiting = [];
  let wake = () => {};
  port.onmessage = ({ data }) => (waiting.push(JSON.parse(data)), wake());
  const next = async () => {
    while (!waiting.length) await new Promise((go) => (wake = go));
    return waiting.shift();
  };
  return { next };
}

function base64(bytes) {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

function refuse(message, status = 503, code = "unavailable") {
  const type = status < 500 ? "invalid_request_error" : "server_error";
  return Response.json({ error: { message, type, code, param: null } }, { status });
}
