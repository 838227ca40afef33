"""Builds `dist/`: a static site that makes no request to another origin, in folders named by
content.

A folder's name holds the hash of its content, so an update never mixes old files with new ones;
only the pages, the manifest and the service worker keep their names. The site is built in a folder
beside it, which is renamed when complete.
"""

import gzip
import hashlib
import html
import json
import re
import shutil
from pathlib import Path

from builder import (
    ROOT,
    Stop,
    bytecode,
    encoder,
    fetch,
    guide,
    heap,
    lab,
    licenses,
    micropython,
    pyodide,
    romfs,
    wheels,
)
from oneseek.engine.core.storage.store import STEPS
from oneseek.workers.site import headers

DIST = ROOT / "dist"
TEST_DIST = ROOT / "dist-test"

VENDOR = {
    "vendor/purify.js": ("dompurify", "dist/purify.es.mjs"),
    "vendor/markdown-it.js": ("markdown-it", "dist/browser/markdown-it.esm.min.mjs"),
    "vendor/uplot.js": ("uplot", "dist/uPlot.esm.js"),
    "vendor/uplot.css": ("uplot", "dist/uPlot.min.css"),
    "vendor/idb.js": ("idb", "build/index.js"),
    "vendor/highlight.js": ("@highlightjs/cdn-assets", "es/highlight.min.js"),
    "vendor/temml.js": ("temml", "dist/temml.mjs"),
}
# The font lies beside style.css, which names it; a copy lies beside the guide's.
FONT = {"inter.woff2": ("@fontsource-variable/inter", "files/inter-latin-wght-normal.woff2")}
OCR = {
    "ocr/tesseract.js": ("tesseract.js", "dist/tesseract.esm.min.js"),
    "ocr/worker.min.js": ("tesseract.js", "dist/worker.min.js"),
    "ocr/tesseract-core-simd-lstm.wasm.js": (
        "tesseract.js-core",
        "tesseract-core-simd-lstm.wasm.js",
    ),
    "ocr/tesseract-core-relaxedsimd-lstm.wasm.js": (
        "tesseract.js-core",
        "tesseract-core-relaxedsimd-lstm.wasm.js",
    ),
    "ocr/tesseract-core-lstm.wasm.js": ("tesseract.js-core", "tesseract-core-lstm.wasm.js"),
    "ocr/swe.traineddata.gz": ("@tesseract.js-data/swe", "4.0.0_best_int/swe.traineddata.gz"),
    "ocr/eng.traineddata.gz": ("@tesseract.js-data/eng", "4.0.0_best_int/eng.traineddata.gz"),
}
# Needed before the page reacts: preloaded while the page's Python starts.
SOON = ("micropython.mjs", "store.js", "lock.js")
PAGE_SUFFIXES = {".css", ".js", ".mjs", ".json", ".png", ".svg", ".wasm", ".woff2"}
# Files of engine/core that the page never imports.
ONLY_IN_CPYTHON = {"sqlite.py", "backup.py", "language.py", "turns.py", "environment.py"}
ROOT_FILES = (
    "index.html", "hand-over.html", "oqt-dashboard.html", "manifest.webmanifest", "sw.js",
)  # fmt: skip
# Paths of the HTTP API below the site's address; in the page the engine's worker answers them.
API = r"^((api|v1)/|(healthz|metrics|openapi\.json|docs)$)"
# The service worker caches the page and its engine from the first visit on, and the parts of an
# import once they are used. It never caches a model: the engine keeps that itself, in checked
# pieces.
NEVER_KEPT = re.compile(r"^models-")
KEPT_WHEN_USED = re.compile(r"^ocr-|/(highlight|temml)\.js$|\.whl$|^THIRD_PARTY_LICENSES")


# The Content Security Policy as a meta element, for a host that sends no headers.
def policy_within(directives: dict[str, str]) -> str:
    policy = html.escape(headers.policy(directives, within_page=True))
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'


POLICY_WITHIN, LAB_POLICY = policy_within(headers.POLICY), policy_within(headers.LAB)


class Site:
    """The files of the site by final path, and the path of each name of the tree."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | Path] = {}
        self.names: dict[str, str] = {}
        self.hashes: dict[str, str] = {}

    def add(self, folder: str, files: dict[str, bytes | Path]) -> None:
        """Add files, named as in the tree, to a folder whose name ends in the hash of its
        content."""
        hashes = {name: sha256(data) for name, data in sorted(files.items())}
        whole = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:12]
        for name, data in files.items():
            path = f"{folder}-{whole}/{name.removeprefix(folder + '/')}"
            self.files[path], self.names[name], self.hashes[path] = data, path, hashes[name]

    def build_hash(self) -> str:
        return hashlib.sha256(json.dumps(sorted(self.hashes.items())).encode()).hexdigest()[:16]


def sha256(data: bytes | Path) -> str:
    return fetch.sha256(data) if isinstance(data, Path) else hashlib.sha256(data).hexdigest()


def build(tests: bool = False) -> Path:
    """Build the site unless it is up to date; returns its folder."""
    target = TEST_DIST if tests else DIST
    site = gather(tests)
    settings = pyodide.pins()["workers"]
    if not tests:
        del settings["tests"]
    finished = roots(site, settings)
    if tests:
        finished["tests.html"] = suite_page(finished["index.html"].decode())
    if not is_there(finished, target):
        write(site, finished, target)
    return target


def is_there(finished: dict[str, bytes], target: Path) -> bool:
    """True if the files with fixed names are up to date; they name all other files."""
    there = ((target / name, data) for name, data in finished.items())
    return all(path.exists() and path.read_bytes() == data for path, data in there)


def gather(tests: bool) -> Site:
    site = Site()
    add_python(site, tests)
    engine = wheels.unpack(fetch.part("npm/@micropython/micropython-webassembly-pyscript"), ".")
    site.add(
        "micropython", {name: engine[name] for name in ("micropython.mjs", "micropython.wasm")}
    )
    site.add("vendor", members(VENDOR))
    site.add("ocr", members(OCR))
    name = pyodide.pins()["model"]["name"]
    models: dict[str, bytes | Path] = {f"models/{name}.gguf": fetch.part(f"model/{name}")}
    models |= {"models/tiny.gguf": ROOT / "engine/model/demo/tiny.gguf"}
    site.add("models", models | {"models/encoder.gguf": encoder.file()})
    site.add("page", page_files())
    site.add("lab", dict(lab.files()))
    site.add("guide", guide.files() | members({"guide/inter.woff2": FONT["inter.woff2"]}))
    return site


def add_python(site: Site, tests: bool) -> None:
    interpreter, beside = python_files(tests)
    site.add("pyodide", dict(interpreter))
    there = Path(site.names["pyodide.mjs"]).parent.as_posix()
    beside["python.mjs"] = beside["python.mjs"].replace(b'"./', f'"../{there}/'.encode())
    site.add("python", dict(beside))


def python_files(tests: bool) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The interpreter's folder, and the one that changes with our own code: start scripts and the
    project."""
    project = project_files(with_tests=False)
    interpreter, begun = pyodide.folder(tests, project)
    own = project_files(with_tests=True) if tests else project
    archive = heap.small(heap.archive(own))
    beside = {name: (ROOT / "workers" / name).read_bytes() for name in ("python.mjs", "worker.mjs")}
    return interpreter, beside | {"heap.bin": begun, "oneseek.bin": archive}


def project_files(with_tests: bool) -> dict[str, bytes]:
    """The workers' own Python, compiled; the source stays in, so that a traceback can quote it."""
    wheel = bytecode.compile_archives({"oneseek.whl": wheels.own(with_tests)[1]}, keep_source=True)
    found = heap.unzip(wheel["oneseek.whl"])
    return {name: data for name, data in found.items() if ".dist-info/" not in name}


def members(table: dict[str, tuple[str, str]]) -> dict[str, bytes | Path]:
    """Files of npm packages, each under the name that the page uses."""
    opened: dict[str, dict[str, bytes]] = {}
    for package, _ in table.values():
        opened.setdefault(package, wheels.unpack(fetch.part(f"npm/{package}"), "."))
    return {name: opened[package][member] for name, (package, member) in table.items()}


def page_python() -> list[Path]:
    """The Python that the page's interpreter can import: its own modules, and those shared with the
    workers."""
    shared = [ROOT / "engine/__init__.py", *sorted((ROOT / "engine/core").rglob("*.py"))]
    shared = [path for path in shared if path.name not in ONLY_IN_CPYTHON]
    return shared + sorted((ROOT / "web").rglob("*.py"))


def backend_scripts() -> list[Path]:
    """The JavaScript that the back ends need in a tab: threads, and replayed dispatches."""
    return sorted((ROOT / "engine/backends").rglob("*.js"))


def page_files() -> dict[str, bytes | Path]:
    """Our own page files: those that the browser reads directly, and the page's Python as one
    image."""
    web = ROOT / "web/static"
    own: dict[str, bytes | Path] = {
        path.relative_to(web).as_posix(): path.read_bytes()
        for path in sorted(web.rglob("*"))
        if path.suffix in PAGE_SUFFIXES and path.name not in ROOT_FILES
    }
    own |= {path.name: path.read_bytes() for path in backend_scripts()}
    own |= members(FONT)
    own["modules.rom"] = romfs.image(micropython.compile_modules(page_python()))
    own["models.json"] = (ROOT / "engine/model/models.json").read_bytes()
    return own


def roots(site: Site, settings: dict[str, dict]) -> dict[str, bytes]:
    """The files with fixed names, with the paths of all other files filled in."""
    build_hash = site.build_hash()
    facts = {
        "build": build_hash,
        "files": {name: path for name, path in site.names.items() if is_for_page(name)},
        "models": {
            Path(name).stem: path for name, path in site.names.items() if name.startswith("models/")
        },
        "workers": settings,
        "stores": STEPS,
        "api": API,
    }

    def read_static(name: str) -> str:
        return with_paths((ROOT / "web/static" / name).read_text(), site.names)

    index = read_static("index.html").replace(
        "</head>", POLICY_WITHIN + head(site, facts) + "</head>"
    )
    manifest = read_static("manifest.webmanifest")
    opened = read_static("hand-over.html").replace("<script", POLICY_WITHIN + "<script")
    pages = {"index.html": index, "hand-over.html": opened, "manifest.webmanifest": manifest}
    pages["oqt-dashboard.html"] = read_static("oqt-dashboard.html")
    shown = with_paths((lab.FOLDER / lab.PAGE).read_text(), site.names)
    pages[lab.PAGE] = shown.replace("</head>", LAB_POLICY + lab.head(site.names) + "</head>")
    finished = {name: text.encode() for name, text in pages.items()} | guide.pages(site.names)
    finished[licenses.FILE] = licenses.document()
    finished["sw.js"] = service_worker(site, finished)
    whole = {"build": build_hash, "files": dict(sorted(site.hashes.items()))}
    finished["build.json"] = json.dumps(whole, indent=1).encode()
    return finished


def suite_page(index: str) -> bytes:
    """A page with only the facts of the build, for the worker that runs the test suite."""
    kept = re.findall(r'<meta http-equiv.*|<script type="application/json".*', index)
    return "\n".join(["<!doctype html>", "<meta charset=utf-8>", *kept]).encode()


def service_worker(site: Site, finished: dict[str, bytes]) -> bytes:
    """web/static/sw.js with the list of files it caches, and the headers for each kind of file."""
    hashes = site.hashes | {name: sha256(data) for name, data in finished.items()}
    packed = {path: data for path, data in site.files.items() if path.endswith(".bin")}
    plain = {
        path: gzip.decompress(data) for path, data in packed.items() if isinstance(data, bytes)
    }
    assert packed.keys() == plain.keys(), "a packed part of the site lies in a file of its own"
    hashes |= {path: sha256(data) for path, data in plain.items()}
    kinds: dict[str, dict[str, str]] = {}
    files = {}
    for path, found in sorted(hashes.items()):
        name = Path(path).name
        kind = name if name in headers.OWN_HEADERS else Path(path).suffix
        kinds[kind] = headers.headers(path)
        files[path] = {"sha256": found, "keep": how_kept(path), "headers": kind}
    kinds[".bin"] |= {"X-Inflated": "yes"}  # the service worker keeps it inflated
    facts = {"build": site.build_hash(), "files": files, "headers": kinds, "api": API}
    text = (ROOT / "web/static/sw.js").read_text()
    return text.replace("const SITE = {};", f"const SITE = {json.dumps(facts)};", 1).encode()


def how_kept(path: str) -> str:
    if NEVER_KEPT.search(path):
        return "never"
    return "later" if KEPT_WHEN_USED.search(path) else "now"


def is_for_page(name: str) -> bool:
    return not name.endswith((".whl", ".map")) and not name.startswith(("guide/", "lab/"))


def with_paths(text: str, names: dict[str, str]) -> str:
    """The text of a page or manifest with names of the tree replaced by their paths in the site."""
    found = re.compile(r'((?:href|src)="|"src": ")([^"#:]+)(?=")')
    return found.sub(lambda match: match[1] + names.get(match[2], match[2]), text)


def head(site: Site, facts: dict) -> str:
    """The HTML that starts the page: the facts of the build, what is preloaded, and our first
    scripts. start.js is the first of all: it records clicks before any button exists."""
    quoted = {
        "facts": json.dumps(facts, ensure_ascii=False).replace("</", "<\\/"),
        "start": site.names["start.js"],
        "workers": site.names["workers.js"],
        "page": site.names["page.js"],
        "modules": site.names["modules.rom"],
        "interpreter": site.names["micropython.wasm"],
        "registry": site.names["models.json"],
        "font": site.names["inter.woff2"],
        "soon": "\n".join(f'<link rel="modulepreload" href="{site.names[name]}">' for name in SOON),
    }
    return """\
<script src="{start}"></script>
<link rel="preload" as="font" type="font/woff2" crossorigin href="{font}">
<link rel="preload" as="fetch" crossorigin href="{modules}">
<link rel="preload" as="fetch" crossorigin href="{interpreter}">
<link rel="preload" as="fetch" crossorigin href="{registry}">
{soon}
<script type="application/json" id="site">{facts}</script>
<script type="module" async src="{page}"></script>
<script id="workers" type="module" src="{workers}"></script>
""".format(**quoted)


def write(site: Site, finished: dict[str, bytes], target: Path) -> None:
    """Write the whole site or nothing: into a folder beside the target, which then replaces it."""
    beside, before = target.with_name(target.name + ".new"), target.with_name(target.name + ".old")
    for leftover in (beside, before):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        for path, data in {**site.files, **finished}.items():
            file = beside / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(data, Path):
                shutil.copyfile(data, file)
            else:
                file.write_bytes(data)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Stop(
            f"{target.name} could not be written: {error.strerror}. It is unchanged"
        ) from error
    if target.exists():
        target.rename(before)
    beside.rename(target)
    shutil.rmtree(before, ignore_errors=True)
