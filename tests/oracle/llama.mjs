// llama.cpp's opinion on given tokens: reads {model, adapter, texts: [[ids]]} as JSON from standard
// input; writes, per text, 49,152 (or as many as the vocabulary has) float32 log-probabilities a
// position to the file named by `out`. With `greedy` n it prints greedy continuations instead.
//
//     npm install --ignore-scripts node-llama-cpp@3.22.1
import { writeSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { getLlama } = await import(
  pathToFileURL(createRequire(process.cwd() + '/').resolve('node-llama-cpp')).href
);
const asked = JSON.parse(readFileSync(0, 'utf8'));
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, maxThreads: 1 });
const model = await llama.loadModel({ modelPath: asked.model });
const lora = asked.adapter ? { adapters: [{ filePath: asked.adapter, scale: 1 }] } : undefined;
// A cache of 16-bit numbers, its default, would be a difference of its own.
const cache = { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' };
const context = await model.createContext({ contextSize: 2048, flashAttention: false, lora, ...cache });
const sequence = context.getSequence();
const out = asked.out && openSync(asked.out, 'w');
const said = [];
for (const ids of asked.texts) {
  await sequence.clearHistory();
  if (asked.greedy) {
    const answer = [];
    for await (const token of sequence.evaluate(ids, { temperature: 0 })) {
      if (model.isEogToken(token) || answer.length === asked.greedy) break;
      answer.push(token);
    }
    said.push(answer);
    continue;
  }
  const wanted = { generateNext: { probabilities: true } };
  for (let first = 0; first < ids.length; first += 64) {
    const part = ids.slice(first, first + 64).map((id) => [id, wanted]);
    for (const { next } of await sequence.controlledEvaluate(part)) {
      const row = new Float32Array(next.probabilities.size);
      for (const [id, probability] of next.probabilities) row[id] = Math.log(probability);
      writeSync(out, new Uint8Array(row.buffer));
    }
  }
}
console.log(JSON.stringify(said));
process.exit(0);
