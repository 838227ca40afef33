// TensorFlow.js' WASM back end; its scripts are classic ones and find each other through globals.
import { serve, shortest } from './rpc.mjs';

for (const script of ['/tfjs/tf.min.js', '/tfjs/tf-backend-wasm.min.js']) {
  (0, eval)(await (await fetch(script)).text());
}
const tf = self.tf;
tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // its threads need scripts from blobs, which our policy forbids
tf.wasm.setWasmPaths('/tfjs/');
await tf.setBackend('wasm');
let a, b;

serve({
  prepare(m, k, n) {
    tf.disposeVariables();
    [a, b] = [tf.fill([m, k], 0.5), tf.fill([k, n], 0.5)];
  },
  measure: (repeats) => shortest(() => tf.matMul(a, b).dispose(), repeats),
});
