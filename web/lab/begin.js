// The worker of the lab, which runs programs of anybody. The page begins it from a `data:` address: for the browser it
// belongs to no origin, so it has no store, no files, no caches and no channel of OneSeek, and by the page's policy it
// may ask no address at all. All it needs is handed to it: the files are answered from what came with the first message.
const HOME = "https://lab.invalid/";
const TYPES = { wasm: "application/wasm", json: "application/json" };
const IMPORTED = /(from ")[^"]*\/([\w.]+)"/g;
const READ = ["digits.npz", "tiny.gguf"]; // by the examples
const link = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
let lab;
const waiting = [];

addEventListener("message", ({ data }) => {
  if (data.parts) begin(data.parts).catch((error) => tell(JSON.stringify({ is: "broken", error: String(error) })));
  else if (lab) lab.receive(data);
  else waiting.push(data);
});

function tell(text) {
  postMessage(text);
}

async function begin(parts) {
  globalThis.fetch = async (address) => answer(parts, new URL(address).pathname.split("/").at(-1));
  const text = async (name) => (await parts[name].text()).replaceAll("import.meta.url", JSON.stringify(HOME));
  const links = {};
  for (const name of ["pyodide.asm.mjs", "pyodide.mjs", "python.mjs"])
    links[name] = link((await text(name)).replace(IMPORTED, (whole, from, file) => `${from}${links[file]}"`));
  for (const name of ["replay.js", "threads.js"]) await import(link(await text(name)));
  const { loadPyodide } = await import(links["python.mjs"]);
  const python = await loadPyodide({ indexURL: HOME, stdout: console.log, stderr: console.info });
  await python.project;
  const given = {};
  for (const name of READ) given[name] = new Uint8Array(await parts[name].arrayBuffer());
  lab = python.pyimport("oneseek.workers.lab").begin(tell, given);
  tell(JSON.stringify({ is: "ready" }));
  for (const order of waiting.splice(0)) lab.receive(order);
}

// The page has inflated what was packed.
function answer(parts, name) {
  if (!(name in parts)) return new Response(null, { status: 404 });
  const type = TYPES[name.split(".").at(-1)] ?? "application/octet-stream";
  return new Response(parts[name], { headers: { "content-type": type, "x-inflated": "yes" } });
}
