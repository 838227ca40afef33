// OneSeek in its natural place: Pyodide in a worker, kernels in a memory of their own.
import { loadPyodide } from '/pyodide/python.mjs';
import '/threads.js';
import { serve } from './rpc.mjs';

const pyodide = await loadPyodide({});
await pyodide.project;
pyodide.runPython('import importlib; importlib.invalidate_caches()');
const lab = pyodide.pyimport('tests.bench.parts.in_tab');

serve({
  async python(name, ...args) {
    const result = await lab[name](...args);
    return result === undefined ? null : JSON.parse(result);
  },
  memory: () => ({ wasm: pyodide._module.HEAPU8.length + lab.kernel_bytes() }), // they never shrink: this is the peak
  async load(address) {
    const blob = await (await fetch(address)).blob();
    return JSON.parse(await lab.load(blob));
  },
  async from_file(address) {
    const blob = await (await fetch(address)).blob();
    return JSON.parse(await lab.first_token(blob));
  },
});
