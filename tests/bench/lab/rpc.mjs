// A worker's functions, called by name: {id, name, args} in, {id, result} or {id, error} out.
export function serve(methods) {
  self.onmessage = async ({ data: { id, name, args } }) => {
    try {
      self.postMessage({ id, result: await methods[name](...args) });
    } catch (error) {
      self.postMessage({ id, error: `${name}: ${error.stack ?? error}` });
    }
  };
  self.postMessage({ id: 0 }); // ready: what was sent before now would have been lost
}

export function caller(address) {
  const worker = new Worker(address, { type: 'module' });
  const waiting = new Map();
  const answered = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  const ready = answered(0);
  let last = 0;
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    error ? reject(new Error(error)) : resolve(result);
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new Error(`${address}: ${event.message}`));
  };
  return async (name, ...args) => {
    await ready;
    last += 1;
    worker.postMessage({ id: last, name, args });
    return answered(last);
  };
}

// The shortest of some calls, in milliseconds.
export async function shortest(run, repeats) {
  let best = Infinity;
  for (let i = 0; i < repeats; i++) {
    const began = performance.now();
    await run();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}
