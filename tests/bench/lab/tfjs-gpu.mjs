// TensorFlow.js on WebGPU: each kernel as its users would write it.
import { base64, each, fill, target } from './numbers.mjs';
import { serve } from './rpc.mjs';

for (const script of ['/tfjs/tf.min.js', '/tfjs-gpu/tf-backend-webgpu.min.js']) {
  (0, eval)(await (await fetch(script)).text());
}
const tf = self.tf;
await tf.setBackend('webgpu');
await tf.ready();

const kernels = {
  matmul: ([m, k, n]) => ({ inputs: [[m, k], [k, n]], run: (a, b) => tf.matMul(a, b) }),
  attention: ([t, heads, , d]) => {
    const future = Float32Array.from({ length: t * t }, (_, at) => (at % t <= Math.floor(at / t) ? 0 : -1e9));
    const mask = tf.tensor(future, [t, t]);
    return {
      inputs: [[heads, t, d], [heads, t, d], [heads, t, d]],
      run: (q, k, v) => tf.matMul(tf.softmax(tf.matMul(q, k, false, true).mul(d ** -0.5).add(mask)), v),
    };
  },
  rmsnorm: ([rows, cols]) => ({
    inputs: [[rows, cols], [cols]],
    run: (x, w) => x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-5))).mul(w),
  }),
  cross_entropy: ([rows, vocabulary]) => {
    const ones = new Float32Array(rows * vocabulary);
    for (let row = 0; row < rows; row++) ones[row * vocabulary + target(row, vocabulary)] = 1;
    const wanted = tf.tensor(ones, [rows, vocabulary]);
    return {
      inputs: [[rows, vocabulary]],
      run: (logits) => tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)), -1)),
    };
  },
};

let run, last = [];
// Reading one number waits for all that came before it; the queue's own promise comes too early here.
async function finished() {
  if (last.length) await tf.tidy(() => last[0].flatten().slice([0], [1])).data();
  last.forEach((tensor) => tensor.dispose());
  last = [];
}

serve({
  prepare(kernel, shape, backward) {
    last = [];
    const made = kernels[kernel](shape);
    const inputs = made.inputs.map((size, i) => tf.tensor(fill(size.reduce((a, b) => a * b), i + 1), size));
    const way_back = tf.grads(made.run);
    const y = tf.tidy(() => made.run(...inputs));
    const dy = kernel === 'cross_entropy' ? tf.ones(y.shape) : tf.tensor(fill(y.size, 9), y.shape);
    run = () => (backward ? tf.tidy(() => way_back(inputs, dy)) : [tf.tidy(() => made.run(...inputs))]);
  },
  measure: (repeats) =>
    each(() => {
      last.forEach((tensor) => tensor.dispose());
      last = run();
    }, finished, repeats),
  result: async () => base64(await run()[0].data()),
});
