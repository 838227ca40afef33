// The only code that may ask other sites, and only for an address to which a person said yes: it keeps nothing, sends no
// cookies and no referrer, and hands back what came. What it sends, if anything, is a file that only the person's phrase
// opens. A site that does not allow it makes fetch fail; the page then says so.
const MOST = 10_000_000;
const MOST_EXCHANGED = 32 << 20; // what a server of one's own takes as well
const SECONDS = 20;
const PIECE = 16 << 20; // bytes of a large file asked for at once
const AT_ONCE = 4;
const TRIES = 5; // without a byte between them
const SILENT = 30; // seconds without a byte
const LONGEST = 60; // seconds that a site may ask to wait
const LATER = [408, 429, 500, 502, 503, 504];
const SHA256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/;
const PLAIN = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };

async function read({ address, file, key }) {
  const most = file ? MOST_EXCHANGED : MOST;
  const how = { ...PLAIN, signal: AbortSignal.timeout(SECONDS * 1000) };
  if (file) Object.assign(how, { method: "POST", body: file, headers: key ? { authorization: `Bearer ${key}` } : {} });
  const answer = await fetch(address, how);
  const found = { status: answer.status, address: answer.url, kind: answer.headers.get("content-type") ?? "" };
  const pieces = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) return { ...found, error: "large" };
    pieces.push(value);
  }
  return { ...found, file: new Blob(pieces, { type: found.kind }) };
}

// What a site says of a file before any of it comes: how long it is, and its sha256 where that is told.
async function look({ look: address }) {
  const ends = new AbortController(), late = setTimeout(() => ends.abort(new DOMException("", "TimeoutError")), SECONDS * 1000);
  const { status, url, headers } = await fetch(address, { ...PLAIN, signal: ends.signal });
  clearTimeout(late);
  ends.abort();
  const told = [headers.get("x-linked-etag"), headers.get("etag")].map((one) => one?.match(SHA256)?.[1]).find(Boolean);
  return { status, address: url, size: Number(headers.get("content-length") ?? 0), sha256: told ?? "" };
}

// Why a file does not come; `count` is the figure that belongs to it.
class Trouble extends Error {
  constructor(error, count = 0) {
    super(error);
    Object.assign(this, { error, count });
  }
}

// A part of a file, fetched as soon as it is made, gone on with where it broke off; what came waits to be taken.
class Piece {
  constructor(file, first) {
    Object.assign(this, { file, first, at: first, parts: [], over: false, fault: null, wake: () => {} });
    this.opened = new Promise((open) => (this.open = open));
    this.fetch();
  }

  get end() {
    const { size, whole } = this.file;
    return whole ? size : Math.min(this.first + PIECE, size || Infinity);
  }

  async fetch() {
    try {
      for (let tries = 0; this.at < this.end; ) {
        const before = this.at;
        const broke = await this.once().catch((fault) => fault);
        if (broke instanceof Trouble) throw broke;
        if (this.at === this.end) break;
        tries = this.at > before ? 1 : tries + 1;
        if (tries > TRIES) throw given(broke, tries);
        if (broke?.after) postMessage({ waiting: broke.after });
        await new Promise((go) => setTimeout(go, 1000 * Math.max(broke?.after ?? 0, 2 ** tries / 4)));
      }
    } catch (fault) {
      this.fault = fault;
    }
    this.over = true;
    this.open();
    this.wake();
  }

  async once() {
    const { file } = this, silence = new AbortController();
    let timer;
    const patient = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort({ silent: true }), SILENT * 1000);
    };
    patient();
    try {
      const headers = file.plain ? {} : { range: `bytes=${this.at}-${this.end - 1}` };
      const answer = await fetch(file.address, { ...PLAIN, headers, signal: silence.signal });
      let position = this.opens(answer);
      if (position === null) return silence.abort();
      for (const reader = answer.body.getReader(); this.at < this.end; ) {
        const { done, value } = await reader.read();
        if (done) return;
        patient();
        const part = value.subarray(Math.max(0, this.at - position), this.end - position);
        position += value.length;
        if (!part.length) continue;
        this.at += part.length;
        this.parts.push(part);
        this.wake();
      }
      silence.abort();
    } catch (fault) {
      if (fault instanceof TypeError && !file.known) throw new Trouble(navigator.onLine ? "closed" : "offline");
      throw fault;
    } finally {
      clearTimeout(timer);
    }
  }

  // Where the body of an answer begins in the file, whose facts the first answer tells; null when it has to be asked for
  // without a range.
  opens({ status, headers }) {
    const { file } = this;
    if (LATER.includes(status)) {
      const after = Number(headers.get("retry-after")) || 0;
      if (after > LONGEST) throw new Trouble("busy", after);
      throw { after, status };
    }
    if (![200, 206].includes(status)) throw new Trouble("status", status);
    const [, first, whole] = headers.get("content-range")?.match(/^bytes (\d+)-\d+\/(\d+)$/) ?? [];
    const size = Number(status === 206 ? (whole ?? file.size) : (headers.get("content-length") ?? file.size));
    const validator = headers.get("etag") ?? headers.get("last-modified") ?? "";
    if (!size && file.plain) throw new Trouble("unsized");
    if (!size) {
      file.plain = true;
      return null;
    }
    if (file.known && (size !== file.size || validator !== file.validator)) throw new Trouble("changed");
    if (status === 200) file.whole = true;
    Object.assign(file, { known: true, size, validator });
    this.open();
    return status === 200 ? 0 : Number(first ?? this.at);
  }

  // What came since, all of it; null at the end.
  async take() {
    while (!this.parts.length && !this.over) await new Promise((go) => (this.wake = go));
    if (this.parts.length) return new Uint8Array(await new Blob(this.parts.splice(0)).arrayBuffer());
    if (this.fault) throw this.fault;
    return null;
  }
}

// What a break that came once too often is told as.
function given(broke, tries) {
  if (broke?.silent) return new Trouble("slow", SILENT);
  if (broke?.status) return new Trouble("busy", Math.max(broke.after, LONGEST));
  return new Trouble("cut", tries);
}

// A file from byte `start` on: first what is known of it, then its bytes in their order, whenever they are asked for.
async function* stream({ stream: address, start, size }) {
  const file = { address, size }, pieces = [new Piece(file, start)];
  await pieces[0].opened;
  if (pieces[0].fault) throw pieces[0].fault;
  yield { size: file.size, validator: file.validator };
  for (let next = start + PIECE; pieces.length; pieces.shift()) {
    for (; !file.whole && pieces.length < AT_ONCE && next < file.size; next += PIECE) pieces.push(new Piece(file, next));
    for (let part; (part = await pieces[0].take()); ) yield { part };
  }
}

let flow;
onmessage = async ({ data: asked }) => {
  try {
    if (asked.look) return postMessage(await look(asked));
    if (!asked.stream && !asked.next) return postMessage(await read(asked));
    if (asked.stream) flow = stream(asked);
    const { value, done } = await flow.next();
    postMessage(done ? { over: true } : value, value?.part ? [value.part.buffer] : []);
  } catch (fault) {
    if (fault instanceof Trouble) return postMessage({ error: fault.error, count: fault.count });
    postMessage({ error: fault.name === "TimeoutError" ? "slow" : "closed", count: 0 });
  }
};
