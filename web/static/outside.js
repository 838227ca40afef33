// The only code that may ask other sites, and only for the address a person typed: it keeps nothing, sends no cookies
// and no referrer, and hands back what came. What it sends, if anything, is a file that only the person's phrase opens.
// A site that does not allow it makes fetch fail; the page then says so.
const MOST = 10_000_000;
const MOST_EXCHANGED = 32 << 20; // what a server of one's own takes as well
const SECONDS = 20;

async function read({ address, file, key }) {
  const most = file ? MOST_EXCHANGED : MOST;
  const how = { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(SECONDS * 1000) };
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

onmessage = async ({ data: asked }) => {
  try {
    postMessage(await read(asked));
  } catch (fault) {
    postMessage({ error: fault.name === "TimeoutError" ? "slow" : "closed" });
  }
};
