// A program in the fragment of an address, which browsers send to nobody.
const NAME = "#program=";
const LONGEST = 200000; // characters of a program

async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

export async function linked(text) {
  const packed = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(text));
  const letters = Array.from(packed, (byte) => String.fromCharCode(byte)).join("");
  return NAME + btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The program of this address; null where there is none, an error where what is there is none.
export async function program(fragment) {
  if (!fragment.startsWith(NAME)) return null;
  const letters = atob(fragment.slice(NAME.length).replaceAll("-", "+").replaceAll("_", "/"));
  const text = await inflated(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
  return text;
}

// No further than a program may be long: a few bytes can hold gigabytes.
async function inflated(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
    if (text.length > LONGEST) throw new Error("the program is too long");
  }
  return text;
}
