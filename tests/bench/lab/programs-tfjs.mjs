// The programs of `bench library` in TensorFlow.js, by its own Adam; the decay of AdamW is ours.
import { parts, started, steps } from './programs.mjs';
import { serve } from './rpc.mjs';

const scripts = ['/tfjs/tf.min.js'];
const device = self.name.split(' ')[1];
if (device === 'wasm') scripts.push('/tfjs/tf-backend-wasm.min.js');
if (device === 'webgpu') scripts.push('/tfjs-gpu/tf-backend-webgpu.min.js');
for (const script of scripts) (0, eval)(await (await fetch(script)).text());
const tf = self.tf;
if (device === 'wasm') {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // one thread, as everybody here
  tf.wasm.setWasmPaths('/tfjs/');
}

const logits_loss = (logits, ids) =>
  tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(ids, logits.shape[1]), tf.logSoftmax(logits)), -1)));
const rmsnorm = (x, gain) => x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-5))).mul(gain);
function layernorm(x, gain, bias) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(tf.rsqrt(variance.add(1e-5))).mul(gain).add(bias);
}
const gelu = (x) =>
  x.mul(0.5).mul(tf.tanh(x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))).add(1));

const HEADS = 4;
function attention(q, k, v, mask) {
  const [rows, width] = q.shape;
  const split = (x) => x.reshape([rows, HEADS, width / HEADS]).transpose([1, 0, 2]);
  const scores = tf.matMul(split(q), split(k), false, true).mul((width / HEADS) ** -0.5).add(mask);
  return tf.matMul(tf.softmax(scores), split(v)).transpose([1, 0, 2]).reshape([rows, width]);
}

const programs = {
  moons: (w, [points, moon]) =>
    logits_loss(tf.matMul(tf.tanh(tf.matMul(points, w.inner).add(w.bias)), w.outer), moon),
  characters(w, [ids, targets, mask]) {
    let x = tf.gather(w.letters, ids).add(w.places.slice([0, 0], [ids.shape[0], -1]));
    for (const layer of [0, 1]) {
      const of = (name) => w[`layers.${layer}.${name}`];
      let y = rmsnorm(x, of('norm'));
      const [q, k, v] = ['q', 'k', 'v'].map((name) => tf.matMul(y, of(name)));
      x = x.add(tf.matMul(attention(q, k, v, mask), of('out')));
      y = layernorm(x, of('gain'), of('bias'));
      x = x.add(tf.matMul(gelu(tf.matMul(y, of('up'))), of('down')));
    }
    return logits_loss(tf.matMul(rmsnorm(x, w.norm), w.letters, false, true), targets);
  },
};

let step;
await tf.setBackend(device);
await tf.ready();
if (tf.getBackend() !== device) throw new Error(`there is no back end ${device}`);
const at_start = started();

serve({
  started: () => at_start,
  async begin(_, program, told, __, optimiser) {
    tf.disposeVariables();
    const { rate, beta1, beta2, eps, decay } = optimiser;
    const entries = parts(told, 'weights').map(([name, shape, numbers]) => [name, tf.variable(tf.tensor(numbers, shape))]);
    const weights = Object.fromEntries(entries);
    const batch = parts(told, 'batch').map(([, shape, numbers], i) => tf.tensor(numbers, shape, i || program === 'characters' ? 'int32' : 'float32'));
    if (program === 'characters') {
      const t = batch[0].shape[0]; // each letter sees itself and those before it
      batch[2] = tf.tensor(Float32Array.from({ length: t * t }, (_, at) => (at % t <= Math.floor(at / t) ? 0 : -1e9)), [t, t]);
    }
    const adam = tf.train.adam(rate, beta1, beta2, eps);
    step = async () => {
      const value = tf.tidy(() => {
        const { value, grads } = adam.computeGradients(() => programs[program](weights, batch), Object.values(weights));
        for (const weight of Object.values(weights)) weight.assign(weight.mul(1 - rate * decay));
        adam.applyGradients(grads);
        return value;
      });
      const [loss] = await value.data();
      value.dispose();
      return loss;
    };
    return steps(step, 1);
  },
  train: (count) => steps(step, count),
});
