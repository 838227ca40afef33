// OneSeek's WebGPU back end in its natural place: Pyodide in a worker, replay in JavaScript.
import { loadPyodide } from '/pyodide/python.mjs';
import '/replay.js';
import { serve } from './rpc.mjs';

const pyodide = await loadPyodide({});
await pyodide.project;
pyodide.runPython('import importlib; importlib.invalidate_caches()');
const lab = pyodide.pyimport('tests.bench.parts.gpu_in_tab');

serve({
  async python(name, ...args) {
    return JSON.parse(await lab[name](...args));
  },
  async load(address) {
    const data = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return JSON.parse(await lab.load(data));
  },
});
