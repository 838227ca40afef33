"""How build.py reads its command line: what belongs to another module reaches it untouched. And
how two runs share the tests, and end."""

import os
import re
import signal
import subprocess
import sys

import pytest

import build
from builder import ROOT, checks, system
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


NEVER_ENDS = "import threading; threading.Thread(target=threading.Event().wait).start()"


def test_a_run_that_never_ends_is_stopped_and_says_where_it_stands():
    """Its tests are over, what one of them left behind is not."""
    python = [sys.executable, "-X", "faulthandler", "-c"]
    runs = [
        subprocess.Popen([*python, code], stderr=subprocess.PIPE, text=True)
        for code in ("raise SystemExit(3)", NEVER_ENDS)
    ]
    failed, hung = checks.ended(runs, patience=1)
    said = [run.communicate()[1] for run in runs]
    assert (failed, said[0]) == (3, "")
    assert hung != 0 and "in wait" in said[1]


@pytest.mark.slow
def test_a_browser_that_does_not_end_is_killed(chromium: Chromium, address: str):
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
