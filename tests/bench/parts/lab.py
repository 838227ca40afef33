"""The laboratory: OneSeek and its peers in workers of one isolated page in Chromium."""

import contextlib
import fnmatch
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from builder import ROOT, encoder, fetch, site, wheels
from tests.support.page import browser

PEERS = {
    "ort": ("onnxruntime-web", "dist", r"ort.wasm.min.mjs ort-wasm-simd-threaded.mjs "
            "ort-wasm-simd-threaded.wasm"),
    "wllama": ("@wllama/wllama", "esm", "index.min.js wasm/wllama.wasm"),
    "tfjs": ("@tensorflow/tfjs", "dist", "tf.min.js"),
    "tfjs/": ("@tensorflow/tfjs-backend-wasm", "dist", "tf-backend-wasm.min.js "
              "tfjs-backend-wasm.wasm tfjs-backend-wasm-simd.wasm "
              "tfjs-backend-wasm-threaded-simd.wasm"),
    "tfjs-gpu": ("@tensorflow/tfjs-backend-webgpu", "dist", "tf-backend-webgpu.min.js"),
    "ort-gpu": ("onnxruntime-web", "dist", "ort.webgpu.min.mjs "
                "ort-wasm-simd-threaded.asyncify.mjs ort-wasm-simd-threaded.asyncify.wasm"),
    "jax": ("@jax-js/jax", "dist", "*.js"),
}  # fmt: skip


def furnish(folder: Path, peers: dict[str, tuple[str, str, str]], model: Path) -> None:
    """Fill the folder with all that the page loads, from the parts that the lock names."""
    place(folder, peers, tests=True)
    (folder / "model.gguf").symlink_to(model)
    (folder / "encoder.gguf").symlink_to(encoder.file())


def place(folder: Path, peers: dict[str, tuple[str, str, str]], tests: bool) -> None:
    """Copy the page, the peers and our Python into the folder; `tests` adds that of the tests."""
    shutil.copytree(ROOT / "tests/bench/lab", folder, dirs_exist_ok=True)
    for files in site.python_files(tests):
        for name, data in files.items():
            write(folder / "pyodide" / name, data)
    for place, (package, inside, names) in peers.items():
        members = wheels.unpack(fetch.part(f"npm/{package}"), inside)
        for name in (n for pattern in names.split() for n in fnmatch.filter(members, pattern)):
            write(folder / place / Path(name).name, members[name])
    for path in site.backend_scripts():
        shutil.copy(path, folder)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextlib.contextmanager
def opened(
    peers: dict[str, tuple[str, str, str]] = PEERS, model: Path | None = None
) -> Iterator[Page]:
    """The page of the laboratory with these peers, and with a model, by default SmolLM2-135M; use
    `call` on it."""
    with tempfile.TemporaryDirectory() as folder:
        furnish(Path(folder), peers, model or fetch.part("model/smollm2-135m"))
        with opened_in(Path(folder)) as page:
            yield page


@contextlib.contextmanager
def opened_in(folder: Path) -> Iterator[Page]:
    """The page served from this folder."""
    with browser.chromium() as chromium, browser.served(folder) as address:
        page = chromium.new_page()
        page.set_default_timeout(600_000)
        page.goto(address + "index.html")
        yield page


def call(page: Page, system: str, name: str, *args, seconds: float = 600):
    """Call a function of a system; raise an error after `seconds` without an answer."""
    race = """([all, ms]) => Promise.race([call(...all), new Promise((_, fail) => setTimeout(
      () => fail(new Error(`${all[0]} ${all[1]}: no answer in ${ms / 1e3} seconds`)), ms))])"""
    return page.evaluate(race, [[system, name, *args], 1e3 * seconds])
