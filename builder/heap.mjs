// Starts Python under Node as workers/python.mjs does in a browser, imports what it is told and writes the heap:
// node heap.mjs FOLDER MODULE...  FOLDER holds the files of the site's Pyodide, `packages` and `project`, open archives.
// No time, no chance and no order of sets leave a trace in it, so that two builds of one tree are equal.

import crypto from "node:crypto";
import fs from "node:fs";
import { pathToFileURL } from "node:url";

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

const { HEAD, opened, start } = await import(pathToFileURL(`${folder}/python.mjs`));
const [packages, project] = ["packages", "project"].map(async (name) => {
  const { buffer, byteOffset, length } = fs.readFileSync(`${folder}/${name}`);
  return opened(buffer.slice(byteOffset, byteOffset + length));
});
const env = { HOME: "/home/pyodide", PYTHONHASHSEED: "0" };
const python = await start({ env, packageBaseUrl: `${folder}/`, _makeSnapshot: true }, packages, project);
await python.project;
python.runPython(`import gc, importlib\nimportlib.invalidate_caches()\nimport ${modules.join(", ")}\ngc.collect()`);
const heap = python.makeMemorySnapshot();
const head = new Uint8Array(HEAD);
new Uint32Array(head.buffer)[0] = python.table;
fs.writeFileSync(`${folder}/heap`, Buffer.concat([head, heap]));
