// Compiles the Python inside archives: node bytecode.mjs FOLDER (alone | with source).
// FOLDER holds pyodide/, from/ and to/.  Files are told to be valid without a look at their source, and
// neither times nor the order of sets leave a trace, so that two builds of one tree are equal.

import { pathToFileURL } from "node:url";

const [folder, kind] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide/pyodide.mjs`));
const pyodide = await loadPyodide({ env: { PYTHONHASHSEED: "0", HOME: "/" } });
pyodide.mountNodeFS("/archives", folder);
pyodide.globals.set("keep_source", kind === "with source");
pyodide.runPython(`
import importlib.util
import sys
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path, PurePosixPath

def beside(path):
    """Where the import system looks for the bytecode of a source that is there, or is not."""
    path = PurePosixPath(path)
    if keep_source:
        return str(path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc")
    return str(path.with_suffix(".pyc"))

def bytecode(path, source):
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except SyntaxError:
        return None
    return bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), False))

for archive in sorted(Path("/archives/from").iterdir()):
    files = {}
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            data = opened.read(name)
            made = bytecode(name, data) if name.endswith(".py") else None
            if made is None or keep_source:
                files[name] = data
            if made is not None:
                files[beside(name)] = made
    with zipfile.ZipFile(f"/archives/to/{archive.name}", "w") as out:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            out.writestr(entry, data)
`);
