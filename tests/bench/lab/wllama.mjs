// llama.cpp compiled to WebAssembly; it starts its own workers from the page.
import { Wllama } from '/wllama/index.min.js';

let engine;

export async function load(address, threads) {
  await engine?.exit();
  engine = new Wllama({ default: '/wllama/wllama.wasm' }, { suppressNativeLog: true });
  engine.setCompat(null);
  const model = await (await fetch(address)).blob();
  await engine.loadModel([model], { n_ctx: 2048, n_threads: threads, n_gpu_layers: 0, warmup: true });
  return engine.getNumThreads();
}

// Milliseconds to the first token, tokens a second after it, and the text, as far as it came in time.
export async function answer(prompt, tokens, limit) {
  const began = performance.now();
  const abortSignal = AbortSignal.timeout(limit);
  let first = 0, last = 0, count = 0, text = '';
  const asked = { prompt, max_tokens: tokens, temperature: 0, stream: true, abortSignal };
  try {
    for await (const chunk of await engine.createCompletion(asked)) {
      last = performance.now();
      first ||= last;
      count += 1;
      text += chunk.choices[0]?.text ?? '';
    }
  } catch (error) {
    if (!abortSignal.aborted) throw error;
  }
  if (count < 2) return null;
  return { first_ms: first - began, tokens_per_s: (count - 1) / (last - first) * 1e3, count, text };
}
