"""`build.py wheels`: makes the two wheels for pip in dist-wheels/, the code and the built page.

setuptools makes `oneseek`, as pip itself does from a checkout. `oneseek-site` is the site without
the large model, which is fetched only once a person agrees, as in the page.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import oneseek
from builder import ROOT, Stop, environment, pyodide, site, wheels

FOLDER = ROOT / "dist-wheels"
WITH_IT = ("pyproject.toml", "README.md", "LICENSE")
ONLY_ON_THE_PAGE = ("static", "guide", "lab")
SITE = b'"""The page of OneSeek as built, in the folder `site`; `oneseek serve` serves it."""\n'


def run() -> int:
    FOLDER.mkdir(exist_ok=True)
    made = [code(FOLDER), page(FOLDER)]
    for path in FOLDER.glob("*.whl"):
        if path not in made:
            path.unlink()  # a wheel of another version
    for path in made:
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    print(install(*(path.relative_to(ROOT) for path in made)))
    return 0


def install(code: Path, page: Path) -> str:
    """The pip command to type. It names paths, because a bare name might be somebody else's
    package."""
    return f'pip install "{code}[app]" {page}'


def code(folder: Path) -> Path:
    """The wheel of the code, the demo model and the kernels, made by pip from a copy of the
    tree."""
    name = f"oneseek-{oneseek.__version__}-py3-none-any.whl"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as beside:
        tree = copy(Path(beside, "tree"))
        done = subprocess.run(
            [environment.ensure(), "-m", "pip", "wheel", *options, "-w", beside, tree],
            env=os.environ | {"SOURCE_DATE_EPOCH": "315532800"},
        )
        if done.returncode:
            raise Stop("the wheel of the code could not be made. The message of pip above says why")
        return Path(shutil.copy(Path(beside, name), folder))


def copy(folder: Path) -> Path:
    """Copy into the folder what the wheel is made of: the rooms, without build outputs."""
    ignored = shutil.ignore_patterns("__pycache__", *ONLY_ON_THE_PAGE)
    for room in ("oneseek", *wheels.ROOMS):
        shutil.copytree(ROOT / room, folder / room, symlinks=True, ignore=ignored)
    for name in WITH_IT:
        shutil.copy(ROOT / name, folder)
    return folder


def page(folder: Path) -> Path:
    """The wheel of the site, which `registry.site` finds where it is installed."""
    built, large = site.build(), f"{pyodide.pins()['model']['name']}.gguf"
    files = {
        f"oneseek_site/site/{path.relative_to(built).as_posix()}": path.read_bytes()
        for path in built.rglob("*")
        if path.is_file() and path.name != large
    }
    files["oneseek_site/__init__.py"] = SITE
    name, data = wheels.wheel("oneseek_site", oneseek.__version__, files)
    (folder / name).write_bytes(data)
    return folder / name
