"""The lab (web/lab) in one folder of the site: its own files, the editor's, and its examples.

CodeMirror's modules import each other by package name; here each names the file beside it instead.
"""

import json
import re
from pathlib import Path

from builder import ROOT, fetch, wheels

FOLDER = ROOT / "web/lab"
PAGE = "lab.html"
EXAMPLES = ROOT / "examples/engine"
# The modules of the editor: package -> the file in it.
EDITOR = {
    "@codemirror/state": "dist/index.js",
    "@codemirror/view": "dist/index.js",
    "@codemirror/language": "dist/index.js",
    "@codemirror/streamparser": "dist/index.js",
    "@codemirror/commands": "dist/index.js",
    "@lezer/common": "dist/index.js",
    "@lezer/lr": "dist/index.js",
    "@lezer/highlight": "dist/index.js",
    "@lezer/python": "dist/index.js",
    "style-mod": "src/style-mod.js",
    "w3c-keyname": "index.js",
    "crelt": "index.js",
    "@marijn/find-cluster-break": "src/index.js",
}
# The parts that the lab's worker needs: the engine's Python, and what the examples read.
PARTS = (
    "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json",
    "packages.bin", "python.mjs", "heap.bin", "oneseek.bin", "replay.js", "threads.js",
    "lab/begin.js", "lab/digits.npz", "lab/tiny.gguf",
)  # fmt: skip
BARE = re.compile(r"""(\bfrom\s*)(['"])([@\w][\w@/.-]*)\2""")


def files() -> dict[str, bytes]:
    """All files of the folder, by name."""
    own = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != PAGE}
    own |= {path.name: path.read_bytes() for path in EXAMPLES.iterdir() if path.is_file()}
    own["tiny.gguf"] = (ROOT / "engine/model/demo/tiny.gguf").read_bytes()
    return {f"lab/{name}": data for name, data in own.items()} | editor()


def editor() -> dict[str, bytes]:
    found = {}
    for package, member in EDITOR.items():
        text = wheels.unpack(fetch.part(f"npm/{package}"), ".")[member].decode()
        found[f"lab/{file_of(package)}"] = BARE.sub(beside, text).encode()
    return found


def file_of(package: str) -> str:
    return package.strip("@").replace("/", "-") + ".js"


def beside(found: re.Match) -> str:
    return f"{found[1]}{found[2]}./{file_of(found[3])}{found[2]}"


def head(names: dict[str, str]) -> str:
    """A script element that tells the page the paths of the parts for its worker, and of its
    examples."""
    examples = sorted(path.name for path in EXAMPLES.glob("*.py"))
    parts = {Path(name).name: names[name] for name in PARTS}
    programs = {name.removesuffix(".py"): names[f"lab/{name}"] for name in examples}
    told = json.dumps({"parts": parts, "examples": programs})
    return f'<script type="application/json" id="lab">{told}</script>\n'
