// The programs of `bench library` in jax-js: the whole step, AdamW too, is one function by its jit.
import { parts, started, steps } from './programs.mjs';
import { serve } from './rpc.mjs';

const device = self.name.split(' ')[1];
delete self.Worker; // one thread, as everybody here
self.Worker = undefined;
const jax = await import('/jax/index.js');
const { numpy: np, nn } = jax;

// Each use of an array takes a reference of its own, as jax-js counts them.
const matmul = (a, b) => np.matmul(a.ref, b.ref);
const logits_loss = (logits, wanted) => np.mean(np.sum(nn.logSoftmax(logits).mul(wanted.ref), -1)).neg();
const rmsnorm = (x, gain) =>
  x.ref.mul(np.reciprocal(np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(1e-5)))).mul(gain.ref);
function layernorm(x, gain, bias) {
  const centred = x.ref.sub(np.mean(x.ref, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.mul(np.reciprocal(np.sqrt(variance.add(1e-5)))).mul(gain.ref).add(bias.ref);
}

const HEADS = 4;
function attention(q, k, v) {
  const [rows, width] = q.shape;
  const split = (x) => x.reshape([rows, HEADS, width / HEADS]);
  return nn.dotProductAttention(split(q), split(k), split(v), { isCausal: true }).reshape([rows, width]);
}

const programs = {
  moons: (w, [points, wanted]) =>
    logits_loss(matmul(np.tanh(matmul(points, w.inner).add(w.bias.ref)), w.outer), wanted),
  characters(w, [ids, wanted]) {
    let x = np.take(w.letters.ref, ids.ref, 0).add(w.places.ref.slice([0, ids.shape[0]]));
    for (const layer of [0, 1]) {
      const of = (name) => w[`layers.${layer}.${name}`];
      let y = rmsnorm(x, of('norm'));
      const [q, k, v] = ['q', 'k', 'v'].map((name) => matmul(y, of(name)));
      x = x.add(matmul(attention(q, k, v), of('out')));
      y = layernorm(x, of('gain'), of('bias'));
      x = x.add(matmul(nn.gelu(matmul(y, of('up'))), of('down')));
    }
    return logits_loss(matmul(rmsnorm(x, w.norm), np.transpose(w.letters.ref)), wanted);
  },
};

const there = await jax.init(device);
if (!there.includes(device)) throw new Error(`there is no device ${device}`);
jax.defaultDevice(device);
const at_start = started();
let step;

serve({
  started: () => at_start,
  async begin(_, program, told, __, optimiser) {
    const { rate, beta1, beta2, eps, decay } = optimiser;
    const array = (shape, numbers, whole) =>
      np.array(whole ? new Int32Array(numbers) : new Float32Array(numbers), { shape });
    const given = parts(told, 'weights');
    const tree = (fill) => Object.fromEntries(given.map(([name, shape, numbers]) => [name, array(shape, fill(numbers))]));
    let weights = tree((numbers) => numbers);
    let [m, v] = [tree((n) => n.map(() => 0)), tree((n) => n.map(() => 0))];
    const [[, shape, numbers], [, , ids]] = parts(told, 'batch');
    const classes = program === 'moons' ? 2 : weights.letters.shape[0];
    const one_hot = new Float32Array(ids.length * classes);
    ids.forEach((id, row) => (one_hot[row * classes + id] = 1));
    const batch = [array(shape, numbers, program === 'characters'), array([ids.length, classes], one_hot)];

    const whole = jax.jit((w, m, v, corrections, ...batch) => {
      const [loss, slopes] = jax.valueAndGrad((w) => programs[program](w, batch))(
        Object.fromEntries(Object.entries(w).map(([name, part]) => [name, part.ref])),
      );
      const [one, two] = [corrections.ref.slice(0), corrections.ref.slice(1)];
      const next = [{}, {}, {}];
      for (const name of Object.keys(w)) {
        const g = slopes[name];
        next[1][name] = m[name].ref.mul(beta1).add(g.ref.mul(1 - beta1));
        next[2][name] = v[name].ref.mul(beta2).add(np.square(g.ref).mul(1 - beta2));
        const down = np.sqrt(next[2][name].ref.div(two.ref)).add(eps);
        next[0][name] = w[name].ref.mul(1 - rate * decay).sub(next[1][name].ref.div(one.ref).div(down).mul(rate));
      }
      return [loss, ...next];
    });
    let done = 0;
    step = async () => {
      done += 1;
      const corrections = np.array(new Float32Array([1 - beta1 ** done, 1 - beta2 ** done]));
      const made = whole(weights, m, v, corrections, ...batch.map((part) => part.ref));
      [, weights, m, v] = made;
      const [loss] = await made[0].data();
      return loss;
    };
    return steps(step, 1);
  },
  train: (count) => steps(step, count),
});
