// The only code that may ask other sites, and only for the address a person typed: it holds nothing, sends no cookies
// and no referrer, and hands back text. A site that does not allow it makes fetch fail; the page then says so.
const MOST = 10_000_000;
const SECONDS = 20;

async function read(address) {
  const stop = AbortSignal.timeout(SECONDS * 1000);
  const answer = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", signal: stop });
  const found = { status: answer.status, address: answer.url, kind: answer.headers.get("content-type") ?? "" };
  const pieces = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MOST) return { ...found, error: "large" };
    pieces.push(value);
  }
  return { ...found, file: new Blob(pieces, { type: found.kind }) };
}

onmessage = async ({ data: address }) => {
  try {
    postMessage(await read(address));
  } catch (fault) {
    postMessage({ error: fault.name === "TimeoutError" ? "slow" : "closed" });
  }
};
