// What a drop holds, as files: a folder gives every file in it. Browsers only tell entries while the event runs.
const MOST = 2000;

async function inside(entry, found) {
  if (found.length >= MOST) return;
  if (entry.isFile) {
    found.push(await new Promise((done, fail) => entry.file(done, fail)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!entries.length) return;
    for (const one of entries) if (!one.name.startsWith(".")) await inside(one, found);
  }
}

export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  for (const entry of entries) await inside(entry, found);
  return found;
}

// The answer of outside.js to one address, to which a file may be sent.
export function ask(worker, address, file, key) {
  return answered(worker, { address, file, key });
}

// What a site says of the file at an address, before any of it comes.
export function look(worker, address) {
  return answered(worker, { look: address });
}

// The worker lives as long as the question.
function answered(worker, question) {
  const outside = new Worker(worker);
  return new Promise((done) => {
    outside.onmessage = ({ data }) => done(data);
    outside.onerror = () => done({ error: "closed" });
    outside.postMessage(question);
  }).finally(() => outside.terminate());
}
