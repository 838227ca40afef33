// jax-js on WebGPU, compiled with its jit.
import * as jax from '/jax/index.js';
import { base64, each, fill, target } from './numbers.mjs';
import { serve } from './rpc.mjs';

await jax.init('webgpu');
jax.defaultDevice('webgpu');
const np = jax.numpy;

const kernels = {
  matmul: ([m, k, n]) => ({ inputs: [[m, k], [k, n]], run: (a, b) => np.matmul(a, b) }),
  attention: ([t, heads, , d]) => ({
    inputs: [[heads, t, d], [heads, t, d], [heads, t, d]],
    order: [1, 0, 2],
    run: (q, k, v) => jax.nn.dotProductAttention(q, k, v, { isCausal: true }),
  }),
  rmsnorm: ([rows, cols]) => ({
    inputs: [[rows, cols], [cols]],
    run: (x, w) => x.ref.mul(np.reciprocal(np.sqrt(np.mean(np.square(x), -1, { keepdims: true }).add(1e-5)))).mul(w),
  }),
  cross_entropy: ([rows, vocabulary]) => {
    const wanted = new Float32Array(rows * vocabulary);
    for (let row = 0; row < rows; row++) wanted[row * vocabulary + target(row, vocabulary)] = 1;
    return {
      inputs: [[rows, vocabulary]],
      constants: [np.array(wanted).reshape([rows, vocabulary])],
      run: (logits, onehot) => np.negative(np.sum(jax.nn.logSoftmax(logits).mul(onehot), -1)),
    };
  },
};

let run;
serve({
  async prepare(kernel, shape, backward) {
    const made = kernels[kernel](shape);
    const given = (size, seed) => {
      const array = np.array(fill(size.reduce((a, b) => a * b), seed)).reshape(size);
      return made.order ? np.transpose(array, made.order) : array;
    };
    const inputs = made.inputs.map((size, i) => given(size, i + 1));
    const constants = made.constants ?? [];
    const forward = jax.jit(made.run);
    const kept = (arrays) => arrays.map((array) => array.ref);
    if (!backward) {
      run = () => [forward(...kept(inputs), ...kept(constants))];
      return;
    }
    const y = forward(...kept(inputs), ...kept(constants));
    const dy = kernel === 'cross_entropy' ? np.ones(y.shape) : given(made.order ? made.inputs[0] : y.shape, 9);
    const argnums = inputs.map((_, i) => i);
    const total = (...all) => np.sum(made.run(...all.slice(0, -1)).mul(all.at(-1)));
    const back = jax.jit(jax.grad(total, { argnums }));
    run = () => back(...kept(inputs), ...kept(constants), dy.ref);
  },
  // Results are kept until all are ready: jax-js never computes what is dropped before that.
  async measure(repeats) {
    let made = [];
    const finished = async () => {
      await jax.blockUntilReady(made);
      made.forEach((array) => array.dispose());
      made = [];
    };
    return each(() => made.push(...run()), finished, repeats);
  },
  result: async () => base64(await run()[0].data()),
});
