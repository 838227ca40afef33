"""The number of files it takes to add something: the diffs in CONTRIBUTING are applied to a copy of
the tree, and must work."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builder import ROOT

SHOWN = re.compile(r"^### An? ([\w ]+)\n.*?^```diff\n(.*?)^```", re.M | re.S)
PROMISED = re.compile(r"^\| an? ([\w ]+?) \| (\d) \| ", re.M)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DIFFS = dict(SHOWN.findall(GUIDE))
PLACES = {kind: int(most) for kind, most in PROMISED.findall(GUIDE)}

ICS = r"""BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Launch of the
  Saltkråkan
DTSTART:20260601T100000Z
LOCATION:Pier 4\, Umeå
END:VEVENT
END:VCALENDAR
"""
SETTING = """
from oneseek.engine.core.scheduler import TrainingScheduler
from oneseek.engine.core.settings import ConfigError, SchedulerConfig
scheduler = TrainingScheduler(SchedulerConfig(low_battery=0.3), lambda: 0, None, None, lambda: True)
scheduler.start()
for level, paused in ((0.4, False), (0.2, True)):
    scheduler.set_power(False, level)
    assert (scheduler.get_stats()["paused_because"] == "battery") == paused, level
try:
    SchedulerConfig(low_battery=2)
except ConfigError as refused:
    print(refused)
"""
ENDPOINT = """
import json, sys, urllib.request
from pathlib import Path
from tests.support.hosts import native
with native(Path(sys.argv[1])) as host:
    with urllib.request.urlopen(f"http://127.0.0.1:{host.port}/api/facts") as answer:
        print(answer.read().decode())
"""
MESSAGE = """
import asyncio, sys
from types import SimpleNamespace
from unittest.mock import MagicMock
for name in ("js", "pyodide", "pyodide.ffi", "pyodide.code", "pyodide_js", "pyscript"):
    sys.modules[name] = MagicMock()
from oneseek.workers.version_requests import VersionRequests
from oneseek.workers.post import Post

class Memory(list):
    async def load(self):
        self.append("a fact")

mind = SimpleNamespace(memory=Memory())
resident = SimpleNamespace(needed=lambda: SimpleNamespace(mind=mind))
print(asyncio.run(Post("engine", print, (VersionRequests(resident),)).receive('{"type": "CountFacts"}')))
"""
PANEL = """
from builder import site
from tests.support.page.browser import chromium, served, watched
with chromium() as browser, served(site.build()) as address, watched(browser, address) as (tab, _):
    page = tab.new_page()
    page.goto("./")
    page.locator("html[data-page=ready]").wait_for(state="attached", timeout=120_000)
    page.get_by_role("tab", name="Known").click()
    known = page.get_by_role("tabpanel", name="Known")
    known.get_by_text("known by heart").wait_for()
    print(known.inner_text())
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the tree as it is, for one thing to be added to."""
    listed = ["git", "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    target = tmp_path / "copy"
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


def apply_diff(copy: Path, kind: str) -> None:
    """Apply the diff from CONTRIBUTING; it may touch only as many files as the text says."""
    diff = DIFFS[kind]
    touched = set(re.findall(r"^\+\+\+ b/(.+)$", diff, re.M))
    assert 0 < len(touched) <= PLACES[kind], (kind, touched)
    subprocess.run(
        ["git", "apply", "-C1", "-"], cwd=copy, input=diff.encode(), check=True, timeout=60
    )
    assert all((copy / name).is_file() for name in touched)


def run_python(copy: Path, *command: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_contributing_says_how_many_files_each_thing_takes():
    assert DIFFS.keys() <= PLACES.keys()
    assert DIFFS.keys() == {"op", "file reader", "setting", "endpoint", "message", "panel"}
    assert PLACES.keys() - DIFFS.keys() == {"architecture", "back end", "benchmark"}


@pytest.mark.long
def test_an_op_is_found_by_every_test_of_ops(copy):
    apply_diff(copy, "op")
    tests = ("tests/compiler/test_ops.py", "tests/backends/wasm/test_kernels.py")
    out = run_python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "squared_relu", *tests
    )
    assert int(re.search(r"(\d+) passed", out)[1]) >= 6, out


@pytest.mark.slow
def test_a_file_reader_reads_a_file(copy, tmp_path):
    apply_diff(copy, "file reader")
    (tmp_path / "meeting.ics").write_text(ICS)
    out = run_python(
        copy, "-m", "oneseek.engine.cli.main", "import", tmp_path / "meeting.ics", "--json"
    )
    assert "Launch of the Saltkråkan" in out and "Pier 4, Umeå" in out, out


def test_a_setting_is_checked_and_heeded(copy):
    apply_diff(copy, "setting")
    assert "low_battery = 2 is out of range" in run_python(copy, "-c", SETTING)


@pytest.mark.slow
def test_an_endpoint_answers(copy, tmp_path):
    apply_diff(copy, "endpoint")
    assert run_python(copy, "-c", ENDPOINT, tmp_path).strip() == '{"facts":0}'


@pytest.mark.slow
def test_a_message_is_answered_by_its_worker(copy):
    apply_diff(copy, "message")
    assert '"count": 1' in run_python(copy, "-c", MESSAGE)


@pytest.mark.long
@pytest.mark.slow
def test_a_panel_is_shown(copy):
    apply_diff(copy, "panel")
    assert "Nothing is known by heart yet." in run_python(copy, "-c", PANEL)


def test_an_architecture_stands_in_as_few_places_as_readme_says():
    """For example Qwen 3, which is a Llama with a few named differences."""
    files = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "engine").rglob("*.py")
        if '"qwen3"' in path.read_text("utf-8").lower()
    ]
    assert 0 < len(files) <= PLACES["architecture"], files


def test_a_back_end_is_chosen_in_one_place():
    """A back end needs its own module, and the line that names it."""
    named = [
        path.relative_to(ROOT).as_posix()
        for folder in ("engine", "workers")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"import Numpy\b|import Processor\b", path.read_text("utf-8"))
    ]
    chosen = [
        name for name in named if not name.startswith(("engine/backends/", "engine/learning"))
    ]
    assert "engine/backends/select.py" in named and PLACES["back end"] == 2
    assert chosen == ["engine/cli/debug.py"], "debugging compares with numpy by its name"
