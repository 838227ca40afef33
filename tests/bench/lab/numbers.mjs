// The same numbers in every contestant: a hash of the index, between -1/2 and 1/2.
export function fill(count, seed) {
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    numbers[i] = ((Math.imul(i + 1, 2654435761) + seed * 40503) >>> 0) / 2 ** 32 - 0.5;
  }
  return numbers;
}

// Which token each row should have said.
export const target = (row, vocabulary) => (row * 7919 + 13) % vocabulary;

export function base64(numbers) {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

// Milliseconds of one run out of several, `finished` once at the end.
export async function each(run, finished, repeats) {
  await finished();
  const began = performance.now();
  for (let i = 0; i < repeats; i++) await run();
  await finished();
  return (performance.now() - began) / repeats;
}
