// OneSeek in its natural place: Pyodide in a worker, kernels in Pyodide's heap.
import { loadPyodide } from '/pyodide/pyodide.mjs';
import { serve } from './rpc.mjs';

const pyodide = await loadPyodide({ indexURL: '/pyodide/' });
await pyodide.loadPackage(['numpy', 'msgpack', 'jinja2', 'regex']);
const wheel = await fetch('/oneseek.whl');
pyodide.unpackArchive(await wheel.arrayBuffer(), 'wheel');
const lab = pyodide.pyimport('tests.bench.in_tab');

serve({
  async python(name, ...args) {
    const result = await lab[name](...args);
    return result === undefined ? null : JSON.parse(result);
  },
  async load(address) {
    const data = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return JSON.parse(await lab.load(data));
  },
});
