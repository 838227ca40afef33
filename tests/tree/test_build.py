"""How build.py parses its command line: arguments of another module must reach it unchanged. And
how two test runs share the tests and end."""

import ast
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import build
from builder import ROOT, checks, costs, scopes, system
from tests.support.page import browser
from tests.support.page.browser import Chromium


@pytest.mark.parametrize(
    ("given", "command", "passed"),
    [
        ("headless", "headless", []),
        ("headless --model tiny --port 0", "headless", ["--model", "tiny", "--port", "0"]),
        ("headless --backup FILE", "headless", ["--backup", "FILE"]),
        ("headless --help", "headless", ["--help"]),
        ("bench learn --seeds 1", "bench", ["--seeds", "1"]),
        ("bench page --shots", "bench", ["--shots"]),
        ("bench cpu answers", "bench", ["answers"]),
        ("serve --port 0", "serve", []),
    ],
)
def test_options_of_the_module_behind_a_command_reach_it(given, command, passed):
    options = build.read(given.split())
    assert (options.command, options.arguments) == (command, passed)


@pytest.mark.parametrize("given", [[], ["bench"], ["serve", "--nothing"], ["nothing"]])
def test_a_wrong_line_is_a_wrong_call(given, capsys):
    with pytest.raises(SystemExit) as ended:
        build.read(given)
    assert ended.value.code == 2 and "usage" in capsys.readouterr().err


def test_the_tests_get_what_stands_after_two_dashes():
    options = build.read(["test", "--quick", "--", "-k", "queue"])
    assert (options.scope, options.pytest) == ("quick", ["-k", "queue"])


@pytest.mark.slow
def test_two_runs_from_either_end_run_each_test_once(tmp_path):
    names = [f"{letter}/test_{letter}.py" for letter in "abcde"]
    for name in names:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("def test_one(): print('ran', __file__)\ndef test_two(): 0\n")
    (tmp_path / "taken").mkdir()
    shared = ["-p", "tests.support.shared_out", "--shared", tmp_path / "taken"]
    options = ["-sq", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-c", os.devnull]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", *shared, *options, *(tmp_path / name for name in way)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
        for way in (names, names[::-1])
    ]  # fmt: skip
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sorted(re.findall(r"ran .*?(./test_.\.py)", "".join(said))) == names
    assert sum(int(n) for n in re.findall(r"(\d+) passed", "".join(said))) == 2 * len(names)


def test_the_runs_share_every_file_of_a_scope():
    files = [file.relative_to(ROOT).as_posix() for file in scopes.test_files("fast")]
    assert sorted(sum(costs.halves("fast"), [])) == files
    everything = sorted(file.relative_to(ROOT).as_posix() for file in scopes.test_files("usual"))
    assert sorted(costs.order("usual")) == everything and set(files) < set(everything)
    page = [file for file in everything if file.startswith("tests/page/")]
    assert sorted(costs.order("page")) == page


@pytest.fixture
def last_run(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "LAST_RUN", tmp_path / "costs")
    monkeypatch.setattr(costs, "RECORD", tmp_path / "costs.json")
    costs.clear(costs.LAST_RUN)
    return costs.LAST_RUN


def test_a_run_is_reported_and_recorded_by_file_and_kind(last_run):
    name = "tests/tree/test_build.py"
    files = {name: {"quick": 9.0, "long": 8.0}, "tests/gone.py": {}}
    dear = {f"{name}::{test}": 0.7 for test in ("a", "b", "d", "z")}
    costs.RECORD.write_text(json.dumps({"files": files, "dear": dear}))
    measured = {
        "a": ("fast", 0.04),
        "b": ("quick", 2.0),
        "c[x]": ("quick", 3.0),
        "d": ("usual", 0.9),
    }
    for i, (test, (kind, seconds)) in enumerate(measured.items()):
        cost = {"kind": kind, "processor": seconds, "wall": 2 * seconds}
        (last_run / f"{i}.json").write_text(json.dumps({f"{name}::{test}": cost}))
    report = costs.report(60, last_run).splitlines()
    assert report[0].startswith("4 tests took 60 s and 6 CPU seconds")
    assert [line.split()[-1] for line in report[-4:]] == [
        f"{name}::{t}" for t in ("c[x]", "b", "d", "a")
    ]
    costs.keep()
    assert costs.read_record() == {
        "files": {name: {"fast": 0.0, "quick": 5.0, "usual": 0.9, "long": 8.0}},
        "dear": {
            f"{name}::{test}": s for test, s in dict(b=2.0, **{"c[x]": 3.0}, d=0.9, z=0.7).items()
        },
    }


STARTS = "import os\ndef test_one(): os.posix_spawn('/bin/true', ['true'], {})\n"
CONNECTS = "import socket\ndef test_one(): socket.create_connection(('192.0.2.1', 9), 1)\n"
SLOW = "import pytest\n@pytest.mark.slow\ndef test_one(): raise RuntimeError\n"
DRIVES = "import playwright\ndef test_one(): raise RuntimeError\n"
FINE = "def test_one(): print('it ran')\n"


@pytest.mark.slow
def test_a_fast_run_refuses_processes_and_the_network_and_leaves_out_what_needs_them(tmp_path):
    texts = dict(starts=STARTS, connects=CONNECTS, slow=SLOW, drives=DRIVES, fine=FINE)
    for name, text in texts.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    options = ["-sq", "-p", "no:cacheprovider", "-p", "tests.support.fast", "-m", "fast"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, f"--rootdir={tmp_path}", tmp_path],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert "a fast test started a process: /bin/true" in done.stdout
    assert "a fast test connected to 192.0.2.1" in done.stdout
    assert "it ran" in done.stdout and "2 failed, 1 passed" in done.stdout


def long_tests() -> set[str]:
    """file::test, below tests/, of every test with a case marked long; file::(all) if the whole
    file is."""
    found = set()
    for path in scopes.test_files("long"):
        file = path.relative_to(ROOT / "tests").as_posix()
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node.targets[0]):
                if "mark.long" in ast.unparse(node.value):
                    found.add(f"{file}::(all)")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marked = any("mark.long" in ast.unparse(one) for one in node.decorator_list)
                if marked and node.name.startswith("test_"):
                    found.add(f"{file}::{node.name}")
    return found


def test_the_document_lists_the_tests_that_only_run_with_long():
    lines = (ROOT / "docs" / "testing.md").read_text("utf-8").splitlines()
    rows = [re.match(r"\| `(\S+::\S+)` \| (.+) \|$", line) for line in lines]
    listed = [row[1] for row in rows if row and row[2].strip()]
    assert len(listed) == len(set(listed))
    assert sorted(long_tests() - set(listed)) == []
    for file, _, name in (one.partition("::") for one in listed):
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert "mark.long" in text and (name.startswith("(") or f"def {name}(" in text), name


FAILS = """import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
raise SystemExit(3)"""


def by_default(function: ast.stmt) -> bool:
    """True for a test with at least one case that runs by default."""
    is_test = isinstance(function, ast.FunctionDef) and function.name.startswith("test_")
    return is_test and "pytest.mark.long" not in map(ast.unparse, function.decorator_list)


ONLY_LONG = {"R12", "R18"}  # three tabs with a service worker, and a hundred builds


def test_every_door_and_every_promise_has_a_test_by_default():
    found, long = set(), long_tests()
    for path in scopes.test_files("usual"):
        file = path.relative_to(ROOT / "tests").as_posix()
        tree = ast.parse(path.read_text("utf-8")).body
        if f"{file}::(all)" not in long:
            found |= {f"{file}::{one.name}" for one in tree if by_default(one)}
    text = (ROOT / "docs" / "testing.md").read_text("utf-8")
    stays = text.partition("## What stays")[2].partition("## What waits")[0]
    doors = re.findall(r"^\| .+ \| `(\S+)` \|$", stays, re.M)
    assert len(doors) >= 17 and not set(doors) - found
    shown = {promise for one in found for promise in re.findall(r"R\d+(?=_)", one)}
    assert {f"R{number}" for number in range(1, 40)} - shown == ONLY_LONG


NEVER_ENDS = """import pathlib, sys, threading
threading.Thread(target=threading.Event().wait).start()
pathlib.Path(sys.argv[1]).touch()"""


def test_a_run_that_never_ends_is_stopped_and_says_where_it_stands(tmp_path):
    """Its tests are over, but a thread is left; the other run fails meanwhile."""
    python = [sys.executable, "-X", "faulthandler", "-c"]
    runs = [
        subprocess.Popen([*python, code, tmp_path / "waits"], stderr=subprocess.PIPE, text=True)
        for code in (FAILS, NEVER_ENDS)
    ]
    failed, hung = checks.wait_for_runs(runs, patience=1)
    said = [run.communicate()[1] for run in runs]
    assert (failed, said[0]) == (3, "")
    assert hung != 0 and "in wait" in said[1]


@pytest.mark.slow
def test_a_browser_that_does_not_end_is_killed(chromium: Chromium, address: str, monkeypatch):
    monkeypatch.setattr(browser, "DYING", 1)
    with pytest.raises(KeyError, match="what the test wanted"), chromium.lent(address) as context:
        process = chromium.processes[context]
        os.kill(process, signal.SIGSTOP)
        raise KeyError("what the test wanted")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_apt_that_another_process_holds_is_waited_for(tmp_path, monkeypatch, capfd):
    apt = tmp_path / "apt-get"
    apt.write_text(
        "#!/bin/sh\n"
        f'echo x >> {tmp_path}/tries; [ "$(wc -l < {tmp_path}/tries)" -gt 2 ] && exit 0\n'
        "echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7' >&2; exit 100\n"
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(system, "LOCK_POLL_S", 0)
    assert system.apt_get("update")
    assert capfd.readouterr().err.count("busy in another process") == 2


def test_apt_that_stays_locked_or_fails_says_why(tmp_path, monkeypatch, capfd):
    apt = tmp_path / "apt-get"
    apt.write_text('#!/bin/sh\necho "E: $REASON" >&2; exit 100\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(system, "LOCK_TIMEOUT_S", -1)
    for reason in ("Could not get lock /var/lib/dpkg/lock", "Unable to locate package thing"):
        monkeypatch.setenv("REASON", reason)
        assert not system.apt_get("install", "thing")
        assert reason in capfd.readouterr().err
