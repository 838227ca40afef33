// OneSeek for `bench library`: Pyodide in a worker as the site has it, and the programs' text.
import { loadPyodide } from '/pyodide/python.mjs';
import '/replay.js';
import '/threads.js';
import { started } from './programs.mjs';
import { serve } from './rpc.mjs';

const pyodide = await loadPyodide({});
await pyodide.project;
pyodide.runPython('import importlib; importlib.invalidate_caches()');
const text = await (await fetch('/programs_ours.py')).text();
const names = pyodide.toPy({ __name__: 'programs_ours' });
pyodide.runPython(text, { globals: names });
const at_start = started();

const python = async (name, ...given) => JSON.parse(await names.get(name).callPromising(...given));

serve({
  started: () => at_start,
  begin: (device, program, _, source) => python('begin', device, program, source),
  train: (count) => python('train', count),
});
