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

export function caller(address, name = '') {
  const worker = new Worker(address, { type: 'module', name });
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

// The shortest of some calls, in milliseconds; calls that the clock cannot tell apart go together.
const TOLD = 2;
export async function shortest(run, repeats) {
  const spent = async (together) => {
    const began = performance.now();
    for (let i = 0; i < together; i++) await run();
    return (performance.now() - began) / together;
  };
  const together = Math.ceil(TOLD / Math.max(TOLD / 100, await spent(1)));
  let best = Infinity;
  for (let i = 0; i < repeats; i++) best = Math.min(best, await spent(together));
  return best;
}
