// Starts Python under Node as workers/python.mjs does in a browser, imports what it is told and writes the heap:
// node heap.mjs FOLDER MODULE...  FOLDER holds the files of the site's Pyodide, `packages` and `project`, open archives.
// No time, no chance and no order of sets leave a trace in it, so that two builds of one tree are equal.

import crypto from "node:crypto";
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const PIECE = 512; // bytes
const [folder, ...modules] = process.argv.slice(2);
process.on("uncaughtException", (error) => {
  console.error(error.message); // Node itself would show the whole line, which is a megabyte of Pyodide
  process.exit(1);
});
let ticks = 0;
Date.now = () => 0;
performance.now = () => (ticks += 0.001);
crypto.randomFillSync = (view) => view.fill(0);
// What a browser has that can suspend Python: here nothing is ever suspended.
WebAssembly.Suspending = function (called) { return called; };
WebAssembly.promising = (called) => called;

const { opened, start } = await import(pathToFileURL(`${folder}/python.mjs`));
const [packages, project] = ["packages", "project"].map(async (name) => {
  const { buffer, byteOffset, length } = fs.readFileSync(`${folder}/${name}`);
  return opened(buffer.slice(byteOffset, byteOffset + length));
});
const env = { HOME: "/home/pyodide", PYTHONHASHSEED: "0" };
const python = await start({ env, packageBaseUrl: `${folder}/`, _makeSnapshot: true }, packages, project);
await python.project;
python.runPython(`import gc, importlib\nimportlib.invalidate_caches()\nimport ${modules.join(", ")}\ngc.collect()`);
const snapshot = python.makeMemorySnapshot();
const begins = new Uint32Array(snapshot.buffer, snapshot.byteOffset, 2)[1]; // what Pyodide says of it comes before
const memory = snapshot.subarray(begins), runs = written(memory);
const head = Uint32Array.of(python.table, memory.length, runs.length, begins);
const parts = runs.map(([from, length]) => memory.subarray(from, from + length));
fs.writeFileSync(`${folder}/heap`, Buffer.concat([bytes(head), bytes(Uint32Array.from(runs.flat())), snapshot.subarray(0, begins), ...parts]));

function bytes({ buffer }) {
  return new Uint8Array(buffer);
}

// Where memory is not empty, as [from, length]: more than half of it is.
function written(memory) {
  const found = [];
  for (let at = 0; at < memory.length; at += PIECE) {
    const piece = memory.subarray(at, at + PIECE), last = found.at(-1);
    if (piece.every((byte) => byte === 0)) continue;
    if (last && last[0] + last[1] === at) last[1] += piece.length;
    else found.push([at, piece.length]);
  }
  return found;
}
