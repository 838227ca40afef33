"""The README's examples, taken out of it and run as they stand, but for the port."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import ROOT
from tests.support.hosts import Native, native

README = (ROOT / "README.md").read_text()


def example(beginning: str) -> str:
    """The indented block that begins so and, in it, says what it is about."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README, re.M)
    found = [block for block in map(textwrap.dedent, blocks) if beginning in block]
    assert found, f"the README has no example with {beginning!r}"
    return found[0].strip() + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server")) as host:
        yield host


def printed(command: list[str], timeout: float) -> str:
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_example_for_curl_answers(server):
    line = example("curl -s").replace("8321", str(server.port))
    answer = json.loads(printed(["bash", "-c", line], 60))
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.slow
def test_the_example_for_openais_client_streams_an_answer(server):
    program = example("from openai import OpenAI").replace("8321", str(server.port))
    assert printed([sys.executable, "-c", program], 60).strip()


def test_the_example_for_playwright_is_the_one_that_is_run():
    """Of examples/, by tests/tree/test_examples.py, against a site on another port."""
    program = example("window.oneseek")
    shown = program.replace('"http://127.0.0.1:8000/?model=tiny"', 'address + "?model=tiny"')
    assert shown != program
    run = (ROOT / "examples/drive_the_page.py").read_text()
    assert all(part.strip() in run for part in shown.split("\n\n"))


@pytest.mark.long
def test_the_example_that_teaches_ends_with_a_new_version(address):
    program = example("Tell it a fact").replace("http://127.0.0.1:8000/", address)
    printed([sys.executable, "-c", program], 400)


def test_the_tree_of_the_readme_is_the_tree():
    named = set(re.findall(r"^    (\w[\w.]*)/? {2,}\S", example_of_tree(), re.M))
    there = {p.name for p in Path(ROOT).iterdir() if not p.name.startswith(".")}
    assert named <= there and {"web", "workers", "engine", "tests"} <= named


def example_of_tree() -> str:
    return README.partition("## The tree")[2].partition("##")[0]
