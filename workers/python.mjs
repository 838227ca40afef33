// Python as every worker starts it: Pyodide with the engine's packages and the project in place, and with a heap in
// which the interpreter is up and has imported the engine (builder/heap.py makes it). A browser that cannot take the
// heap starts from nothing, which only takes longer. Of what is named here, "./" is Pyodide's folder.
import createModule from "./pyodide.asm.mjs";
import { loadPyodide as load, version } from "./pyodide.mjs";

export { version };
const HEAD = 4; // numbers before the heap: the lengths of the function table, the memory, its runs and Pyodide's own words
const LINKING = { loadAsync: true, nodelete: true, allowUndefined: true };

export async function loadPyodide(options) {
  const packages = arrived("./packages.bin").then(inflated).then(opened);
  const project = arrived("oneseek.bin").then(inflated).then(opened);
  if ("Suspending" in WebAssembly)
    try {
      return await start(options, packages, project, arrived("heap.bin").then(inflated));
    } catch (error) {
      console.info(`Python starts without its heap: ${error}`);
    }
  return start(options, packages, project);
}

// With `packages` and `project` as they were opened and `heap`, all still to come; who imports of the project waits
// until `python.project` is in place.
export async function start(options, packages, project, heap) {
  for (const coming of [packages, project, heap]) coming?.catch(() => {}); // told where it is waited for, which comes later
  let table;
  const createPyodideModule = async (settings) => {
    const placed = new Promise((done, failed) => settings.preRun.push((module) => place(module, packages).then(done, failed)));
    const made = createModule(settings);
    const module = await Promise.race([made, placed.then(() => made)]);
    table = module.wasmTable.length;
    if (heap) take(module, await heap);
    return module;
  };
  const restoring = heap && { _loadSnapshot: new Uint8Array(1) }; // what is restored is given by `take`
  const python = await load({ ...options, ...restoring, createPyodideModule });
  if (heap) python.runPython("import random; random.seed()");
  const written = project.then(({ files }) => write(python._module, files));
  written.catch(() => {});
  return Object.assign(python, { table, project: written });
}

// The files where Python finds them, and the libraries linked, always in one order.
async function place(module, packages) {
  module.addRunDependency("packages");
  if (!module.HEAP32[trampoline(module)]) module.wasmTable.grow(1); // a place that other browsers need
  const { files, linked } = await packages;
  const folder = module.API.sitePackages;
  write(module, files);
  const compiled = linked.map((name) => [`${folder}/${name}`, WebAssembly.compile(files[name])]);
  for (const [path, code] of compiled)
    module.preloadedWasm[path] = await module.loadWebAssemblyModule(await code, LINKING, path, {});
  module.removeRunDependency("packages");
}

function write({ FS, API }, files) {
  const inside = (name) => `${API.sitePackages}/${name}`;
  const folders = new Set(Object.keys(files).map((name) => name.slice(0, name.lastIndexOf("/"))));
  for (const folder of folders) FS.mkdirTree(inside(folder)); // once each: it throws for every one that is there
  for (const [name, bytes] of Object.entries(files)) FS.writeFile(inside(name), bytes, { canOwn: true });
}

// The heap names functions by their place in the table, which must therefore be laid out alike; only what Python
// calls C through is the browser's own.
function take(module, given) {
  const [table, length, count, words] = new Uint32Array(given, 0, HEAD);
  const runs = new Uint32Array(given, 4 * HEAD, 2 * count), heap = new Uint8Array(given, 4 * HEAD + runs.byteLength);
  if (module.wasmTable.length !== table) throw new Error(`a function table of ${module.wasmTable.length}, not ${table}`);
  const own = module.HEAP32[trampoline(module)], restore = module.API.restoreSnapshot;
  module.API.restoreSnapshot = () => {
    const used = module.HEAPU8.length;
    module.growMemory(length);
    const state = restore(heap.subarray(0, words));
    lay(module.HEAPU8, runs, heap.subarray(words), used);
    module.HEAP32[trampoline(module)] = own;
    return state;
  };
}

// What is written of the heap; what lies between is empty, as is all of memory that was not `used` before.
function lay(memory, runs, heap, used) {
  let end = 0, at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const [from, length] = runs.subarray(i, i + 2);
    memory.fill(0, Math.min(end, used), Math.min(from, used));
    memory.set(heap.subarray(at, at + length), from);
    (at += length), (end = from + length);
  }
  memory.fill(0, Math.min(end, used), used);
}

function trampoline(module) {
  return (module.__PyRuntime + module.HEAP32[module.__PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET >> 2]) >> 2;
}

async function arrived(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: the server says ${answer.status}`);
  return answer;
}

// The service worker keeps what is packed as it is once inflated.
function inflated(answer) {
  if (answer.headers.has("X-Inflated")) return answer.arrayBuffer();
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// An archive: the length of its index, the index, the files one after the other.
export function opened(buffer) {
  const length = new Uint32Array(buffer, 0, 1)[0];
  const { sizes, linked } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const files = {};
  let at = 4 + length;
  for (const [name, size] of sizes) files[name] = new Uint8Array(buffer, at, size), (at += size);
  return { files, linked };
}
