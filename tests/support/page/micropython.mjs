// Runs a program in the page's MicroPython under node: {files, program} as JSON on stdin, what it prints on stdout.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(`${folder}/micropython.mjs`));
const { files, program } = JSON.parse(readFileSync(0, "utf8"));
const printed = [];
const python = await loadMicroPython({
  url: `${folder}/micropython.wasm`,
  linebuffer: true,
  stdout: (line) => printed.push(line),
  heapsize: 8 * 1024 * 1024,
});
for (const [path, text] of Object.entries(files)) {
  const folders = path.split("/").slice(0, -1);
  folders.forEach((_, depth) => {
    const name = folders.slice(0, depth + 1).join("/");
    if (!python.FS.analyzePath(name).exists) python.FS.mkdir(name);
  });
  python.FS.writeFile(path, text);
}
try {
  python.runPython(program);
  process.stdout.write(printed.join("\n"));
} catch (error) {
  process.stderr.write(String(error.message ?? error));
  process.exitCode = 1;
}
