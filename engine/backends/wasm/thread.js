// A thread of the processor's back end: it looks and sleeps until there is news on the board, and helps.
const LOOKS = 50000; // about as long as it takes to wake a core: between two calls of a token it stays awake
const SOON = 3; // milliseconds in which more is likely to come; after them it sleeps where it hears its mail
const linked = new Map();
let memory;

addEventListener("message", ({ data }) => {
  if (data.memory) begin(data);
  else linked.set(data.number, new WebAssembly.Instance(data.module, { env: { memory } }).exports);
});

function begin(given) {
  memory = given.memory;
  navigator.locks.request(given.lock, () => {
    postMessage("here");
    return new Promise(() => {});
  });
  attend(given);
}

async function attend({ board, news, asked, me }) {
  const words = new Int32Array(memory.buffer, 0, (Math.max(news, asked) >> 2) + 1);
  for (let heard = 0; ; ) {
    for (let looks = 0; looks < LOOKS && Atomics.load(words, news >> 2) === heard; looks++);
    if (Atomics.wait(words, news >> 2, heard, SOON) === "timed-out") {
      const sleeping = Atomics.waitAsync(words, news >> 2, heard);
      if (sleeping.async) await sleeping.value;
    }
    heard = Atomics.load(words, news >> 2);
    const module = Atomics.load(words, asked >> 2);
    linked.get(module)?.work(board, me, module);
  }
}
