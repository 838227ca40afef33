"""The examples of the README and the manual must run as printed, except for the port."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page

from builder import ROOT
from tests.support.hosts import Native, native
from tests.support.page.browser import wait_for_state
from tests.support.texts import MANUAL, README


def example(beginning: str) -> str:
    """The first indented block of the manual that contains this text."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", MANUAL, re.M)
    found = [block for block in map(textwrap.dedent, blocks) if beginning in block]
    assert found, f"no page has an example with {beginning!r}"
    return found[0].strip() + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server")) as host:
        yield host


def run_command(command: list[str], timeout: float) -> str:
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_example_for_curl_answers(server):
    line = example("curl -s").replace("8321", str(server.port))
    answer = json.loads(run_command(["bash", "-c", line], 60))
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.slow
def test_the_example_for_openais_client_streams_an_answer(server):
    program = example("from openai import OpenAI").replace("8321", str(server.port))
    assert run_command([sys.executable, "-c", program], 60).strip()


def test_the_example_for_playwright_is_the_one_that_is_run():
    """tests/tree/test_examples.py runs it from examples/, against a site on another port."""
    program = example("window.oneseek")
    shown = program.replace('"http://127.0.0.1:8000/?model=tiny"', 'address + "?model=tiny"')
    assert shown != program
    run = (ROOT / "examples/drive_the_page.py").read_text()
    assert all(part.strip() in run for part in shown.split("\n\n"))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.kept_offline
def test_the_example_for_the_console_answers_on_a_first_visit(page: Page):
    """On a first visit before the service worker is in control, and after a reload past it."""
    page.goto("/?model=tiny")
    wait_for_state(page, "ready")
    console = page.context.new_cdp_session(page)
    assert evaluate(console, example('await fetch("v1'))
    console.send("Page.reload", {"ignoreCache": True})
    page.wait_for_function("!navigator.serviceWorker.controller")
    wait_for_state(page, "ready")
    assert evaluate(console, example('await fetch("v1'))


def evaluate(console: CDPSession, lines: str) -> str:
    """The console's result of these lines."""
    how = {"replMode": True, "awaitPromise": True, "returnByValue": True}
    shown = console.send("Runtime.evaluate", {"expression": lines, **how})
    assert "exceptionDetails" not in shown, shown
    return shown["result"]["value"]


@pytest.mark.long
def test_the_example_that_teaches_ends_with_a_new_version(address):
    program = example("Tell it a fact").replace("http://127.0.0.1:8000/", address)
    run_command([sys.executable, "-c", program], 400)


def test_the_tree_of_the_readme_is_the_tree():
    named = set(re.findall(r"^    (\w[\w.]*)/? {2,}\S", example_of_tree(), re.M))
    there = {p.name for p in Path(ROOT).iterdir() if not p.name.startswith(".")}
    assert named <= there and {"web", "workers", "engine", "tests"} <= named


def example_of_tree() -> str:
    return README.partition("## The tree")[2].partition("##")[0]
