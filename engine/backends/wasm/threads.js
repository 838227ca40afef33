// The memory that the processor's kernels work in, and the threads beside the worker that asks. A browser shares
// memory only with a page that is isolated from other origins; without that there is one thread, and all else is
// the same.
const LARGEST = 65536; // pages: what 32 bits reach
const PAGE = 65536; // bytes

class Threads {
  static possible() {
    return globalThis.crossOriginIsolated && "waitAsync" in Atomics ? navigator.hardwareConcurrency : 1;
  }

  // `python` is Pyodide's module, whose own memory arrays come from and go to.
  constructor(count, python) {
    this.count = count;
    this.python = python;
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: LARGEST, shared: count > 1 });
    this.modules = [];
    this.helpers = new Map();
  }

  get size() {
    return this.memory.buffer.byteLength;
  }

  get bytes() {
    if (this.view?.byteLength !== this.size) this.view = new Uint8Array(this.memory.buffer);
    return this.view;
  }

  grow(bytes) {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE));
      return true;
    } catch {
      return false;
    }
  }

  write(address, pointer, size) {
    this.bytes.set(this.python.HEAPU8.subarray(pointer, pointer + size), address);
  }

  read(address, pointer, size) {
    this.python.HEAPU8.set(this.bytes.subarray(address, address + size), pointer);
  }

  clear(address, size) {
    this.bytes.fill(0, address, address + size);
  }

  // The exports of a module in this worker; the others get it too.
  link(code) {
    const module = new WebAssembly.Module(code);
    const number = this.modules.push(module) - 1;
    for (const helper of this.helpers.values()) helper.postMessage({ number, module });
    return new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports;
  }

  // From now on the others listen at that board.
  open(board, news, asked) {
    this.place = { memory: this.memory, board, news, asked };
    for (let me = 1; me < this.count; me++) this.start(me);
  }

  // A thread holds a lock as long as it lives, so its end is known at once, and another one takes its place.
  start(me) {
    const lock = `oneseek-thread-${crypto.randomUUID()}`;
    const helper = new Worker(new URL("thread.js", import.meta.url), { type: "module", name: lock });
    helper.onmessage = () => navigator.locks.request(lock, () => this.helpers.get(me) === helper && this.start(me));
    this.helpers.set(me, helper);
    helper.postMessage({ ...this.place, me, lock });
    this.modules.forEach((module, number) => helper.postMessage({ number, module }));
  }

  close() {
    const ended = [...this.helpers.values()];
    this.helpers.clear();
    for (const helper of ended) helper.terminate();
  }
}

globalThis.oneseekThreads = Threads;
