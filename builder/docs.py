"""`build.py docs`: README, docs/ and the reference as a site in dist-docs/, made by MkDocs.

Links between documents are checked, anchors too. Pictures and texts that a document links to are
copied into the site. A link to any other file of the tree becomes plain text, because the site does
not contain the tree.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from builder import ROOT, Stop, environment, reference

OUT = ROOT / "dist-docs"
SETTINGS = Path(__file__).with_name("mkdocs.yml")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:]+)(#[\w-]+)?\)")
PICTURES = (".webp", ".png", ".svg")


def documents() -> dict[str, str]:
    """The Markdown of every document, by its path in the site."""
    found = {"index.md": (ROOT / "README.md").read_text("utf-8")}
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md",
                 ROOT / "CHANGELOG.md"]:  # fmt: skip
        found[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
    found |= {f"reference/{name}": text for name, text in reference.pages()}
    return {name: resolve_links(name, text, {*found}) for name, text in found.items()}


def resolve_links(name: str, text: str, all_names: set[str]) -> str:
    """The text with links to what the site contains; any other link becomes its plain words."""

    def at(match: re.Match[str]) -> str:
        picture, words, target, anchor = match.groups()
        path = (ROOT / name).parent.joinpath(target).resolve()
        where = path.relative_to(ROOT.resolve()).as_posix() if path.is_relative_to(ROOT) else ""
        where = "index.md" if where == "README.md" else where
        if where in all_names or (picture and path.suffix in PICTURES and path.is_file()):
            depth = "../" * name.count("/")
            return f"{picture}[{words}]({depth}{where}{anchor or ''})"
        return words

    return LINK.sub(at, text)


def pictures(texts: dict[str, str]) -> set[str]:
    """The paths in the tree of all pictures that documents show."""
    shown = {target for text in texts.values() for mark, _, target, _ in LINK.findall(text) if mark}
    return {target.removeprefix("../") for target in shown}


def run() -> int:
    mkdocs = environment.extra("docs") / "mkdocs"
    with tempfile.TemporaryDirectory() as folder:
        texts = documents()
        for name, text in texts.items():
            path = Path(folder, "pages", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        for name in pictures(texts):
            path = Path(folder, "pages", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, path)
        settings = Path(folder, "mkdocs.yml")
        settings.write_text(SETTINGS.read_text("utf-8") + "docs_dir: pages\n", "utf-8")
        build: list[str | Path] = [mkdocs, "build", "--strict", "-q", "-f", settings, "-d", OUT]
        done = subprocess.run(build, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    if done.returncode:
        raise Stop("the documents have an error, which is named above. dist-docs/ is incomplete")
    print(OUT)
    return 0
