// Begins the page's Python: MicroPython with our modules and PyScript's own, which come compiled and as a file system
// that it reads where it lies. What goes wrong before there is a page is said by start.js, which hears errors; this
// file runs as soon as it is there, while the page's markup and its style may still be on their way.
const PLACES = '["/rom", ".frozen"]'; // of modules: ours, then MicroPython's own; looked for nowhere else
const HEAP = 8 << 20; // bytes to begin with: enough that starting needs no collection of garbage
const { files, stores } = JSON.parse(document.getElementById("site").textContent);
const address = (name) => new URL(files[name], document.baseURI).href;

// Opened while Python comes: on a first visit it is made, which takes a while. Who waits for it is told why it failed.
globalThis.opening = import(address("store.js")).then(({ openStore }) => openStore("oneseek", JSON.stringify(stores), null));
opening.catch(() => {});

const parsed = new Promise((go) => {
  const look = () => document.readyState !== "loading" && go();
  document.addEventListener("readystatechange", look);
  look();
});

async function begin() {
  const modules = fetch(address("modules.rom")).then((answer) => answer.arrayBuffer());
  const { loadMicroPython } = await import(address("micropython.mjs"));
  const python = await loadMicroPython({
    url: address("micropython.wasm"),
    heapsize: HEAP,
    romfs: new Uint8Array(await modules),
    stdout: console.log,
    stderr: console.error,
  });
  performance.mark("micropython");
  const js_import = (...addresses) => Promise.all(addresses.map((one) => import(one)));
  python.registerJsModule("_pyscript", { js_import, PyWorker: null });
  python.registerJsModule("polyscript", { config: {}, js_modules: {} });
  await parsed;
  await python.runPythonAsync(`import sys; sys.path[:] = ${PLACES}; from oneseek.web.shell import boot`);
}

begin().catch(reportError);
