// A thread of the processor's back end: it sleeps until there is news on the board, and helps.
const SOON = 3; // milliseconds in which more is likely to come; after them it sleeps where it hears its mail
let memory, board, me, words, news, number;
const linked = new Map();

addEventListener("message", ({ data }) => {
  if (data.memory) begin(data);
  else linked.set(data.number, new WebAssembly.Instance(data.module, { env: { memory } }).exports);
});

function begin(given) {
  ({ memory, me } = given);
  [board, news, number] = [given.board, given.news >> 2, given.module >> 2];
  words = new Int32Array(memory.buffer, 0, (Math.max(given.news, given.module) >> 2) + 1);
  attend();
}

async function attend() {
  for (let heard = 0; ; ) {
    if (Atomics.wait(words, news, heard, SOON) === "timed-out") {
      const sleeping = Atomics.waitAsync(words, news, heard);
      if (sleeping.async) await sleeping.value;
    }
    heard = Atomics.load(words, news);
    const asked = Atomics.load(words, number);
    linked.get(asked)?.work(board, me, asked);
  }
}
