// onnxruntime-web's WASM back end: one MatMul with a constant right side, as in a model.
import * as ort from '/ort/ort.wasm.min.mjs';
import { serve, shortest } from './rpc.mjs';

ort.env.wasm.wasmPaths = '/ort/';
let session, feeds;

serve({
  threads(count) {
    ort.env.wasm.numThreads = count;
  },
  async prepare(model, m, k) {
    const bytes = Uint8Array.from(atob(model), (c) => c.charCodeAt(0));
    await session?.release();
    session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    feeds = { a: new ort.Tensor('float32', new Float32Array(m * k).fill(0.5), [m, k]) };
  },
  measure: (repeats) => shortest(() => session.run(feeds), repeats),
});
