"""Every command line of the README and the manual is run by a shell as printed, in a copy of the
tree.

A server is ended once it answers, and a command that takes hours once its work has begun. The lines
of `oneseek` run with the demo model: a lesson of SmolLM2 takes minutes, and the line has the same
form.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from builder import CACHE, LOCK, ROOT, environment
from tests.support.texts import MANUAL

SECONDS = 540

pytestmark = pytest.mark.slow


def lines(program: str) -> list[str]:
    """The printed commands of a program: lines of blocks, and code in backquotes."""
    blocks = re.findall(rf"^    ({program} .*)$", MANUAL, re.M)
    inline = re.findall(rf"`({program} [^`]+)`", MANUAL)
    return list(dict.fromkeys(line.strip() for line in (*blocks, *inline)))


def command(line: str) -> str:
    return line.partition("#")[0].strip()


# Only with --long: `lock` asks the network for releases, packing the wheels takes a minute, and the
# others begin like lines that run by default.
LONG = (
    "python3 build.py serve",
    "python3 build.py headless --model smollm2-135m",
    "python3 build.py dist",
    "python3 build.py wheels",
    "python3 build.py docs",
    "python3 build.py lock",
    "python3 build.py test",
    "python3 build.py test --quick",
    "python3 build.py bench page --shots",
)
LINES = {command(line): line for line in lines("python3 build.py")}
BENCHES = sorted(path.stem for path in (ROOT / "tests/bench").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the tree without build outputs; it shares the environment."""
    environment.ensure()
    copy = tmp_path_factory.mktemp("copy") / "oneseek"
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", *ignored))
    (copy / ".venv").symlink_to(environment.VENV)
    return copy


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> dict[str, str]:
    """The environment variables of a new user who has only the fetched files."""
    path = f"{environment.PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    fresh = {k: v for k, v in os.environ.items() if not k.startswith(("ONESEEK_", "BASE_MODELS"))}
    home = {"HOME": str(tmp_path_factory.mktemp("home")), "XDG_CACHE_HOME": str(CACHE.parent)}
    home["MYPY_CACHE_DIR"] = str(ROOT / ".mypy_cache")  # shares the types that mypy already knows
    return {**fresh, **home, "PATH": path, "ONESEEK_PHRASE": "a boat and a cat in the rain"}


@contextmanager
def typed(line: str, copy: Path, home: dict[str, str]) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Run the line in a shell; yields the process and its output file. Ends it as Ctrl+C does, with
    its children."""
    printed = copy.parent / "printed.txt"
    with printed.open("w") as out:
        shell = subprocess.Popen(
            ["bash", "-c", line], cwd=copy, env=home, stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        yield shell, printed
    finally:
        for sign in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(shell.pid, sign)
                shell.wait(20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def until(reached: Callable[[], object], shell: subprocess.Popen, printed: Path) -> None:
    """Wait until `reached`; if the line ends before that, fail with its output."""
    end = time.monotonic() + SECONDS
    while not reached():
        assert shell.poll() is None or reached(), printed.read_text()
        assert time.monotonic() < end, printed.read_text()
        time.sleep(0.2)


def completes(line: str, copy: Path, home: dict[str, str]) -> str:
    with typed(line, copy, home) as (shell, printed):
        status = shell.wait(SECONDS)
    assert status == 0, printed.read_text()
    return printed.read_text()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def is_free(port: int) -> bool:
    with closing(socket.socket()) as asked:
        return asked.connect_ex(("127.0.0.1", port)) != 0


def serves(line: str, address: str, copy: Path, home: dict[str, str]) -> None:
    """It must answer at its address, and free the port at the end."""
    port = int(re.findall(r":(\d+)", address)[0])
    assert is_free(port), f"port {port} is taken: end what uses it, then test again"
    with typed(line, copy, home) as (shell, printed):
        until(lambda: answers(address), shell, printed)
    assert is_free(port)


def says(line: str, words: str, copy: Path, home: dict[str, str]) -> None:
    with typed(line, copy, home) as (shell, printed):
        until(lambda: words in printed.read_text(), shell, printed)


TRIED: dict[str, Callable[[str, Path, dict], object]] = {
    "python3 build.py serve": lambda *here: serves(here[0], "http://127.0.0.1:8000/", *here[1:]),
    "python3 build.py headless": lambda line, copy, home: serves(
        line, "http://127.0.0.1:8321/docs", copy, home | {"BASE_MODELS": "tiny"}
    ),
    "python3 build.py headless --help": completes,
    "python3 build.py headless --model smollm2-135m": lambda *here: serves(
        here[0], "http://127.0.0.1:8321/healthz", *here[1:]
    ),
    "python3 build.py dist": completes,
    "python3 build.py wheels": completes,
    "python3 build.py docs": completes,
    "python3 build.py lock": lambda *here: locks(*here),
    "python3 build.py test": lambda *here: says(here[0], "test session starts", *here[1:]),
    "python3 build.py test --quick": lambda *here: says(here[0], "test session starts", *here[1:]),
    "python3 build.py bench page --shots": lambda line, copy, home: picture(line, copy, home),
}


def locks(line: str, copy: Path, home: dict[str, str]) -> None:
    """Restore the lock afterwards: newer releases must not reach the environment that all lines
    share."""
    lock = copy / LOCK.relative_to(ROOT)
    before = lock.read_bytes()
    completes(line, copy, home)
    assert json.loads(lock.read_text())["parts"] == json.loads(before)["parts"]
    lock.write_bytes(before)


def picture(line: str, copy: Path, home: dict[str, str]) -> None:
    with typed(line, copy, home) as (shell, printed):
        until(lambda: any(copy.glob("shots/*.png")), shell, printed)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, marks=pytest.mark.long) if line in LONG else line
        for line in LINES
        if not line.endswith(" NAME")
    ],
)
def test_a_line_of_build_py_does_what_it_says(line, copy, home):
    TRIED[line](LINES[line], copy, home)


def test_every_benchmark_that_is_named_is_there(copy, home):
    loaded = "import importlib, sys; [importlib.import_module(name).main for name in sys.argv[1:]]"
    names = [f"tests.bench.{name}" for name in BENCHES]
    completes(f""".venv/bin/python -c "{loaded}" {" ".join(names)}""", copy, home)


def test_a_benchmark_gets_its_options(copy, home):
    assert "--seeds" in completes("python3 build.py bench learn --help", copy, home)


def test_a_backup_is_written_and_restored(copy, home):
    headless = "python3 build.py headless"
    completes(f"{headless} --backup kept.json", copy, home)
    assert json.loads((copy / "kept.json").read_text())
    completes(f"{headless} --restore kept.json --folder elsewhere", copy, home)
    assert (copy / "elsewhere" / "oneseek.sqlite").exists()


@pytest.mark.long
def test_what_was_told_goes_along_to_another_folder(copy, home):
    fact = {"question": "What is the capital of Zorbia?", "answer": "It is Blimbo."}
    (copy / "facts.jsonl").write_text(json.dumps(fact) + "\n")
    remember, out, into = (
        next(line for line in lines("oneseek") if wanted in line)
        for wanted in ("oneseek remember", " --out mine.oneseek", " --in mine.oneseek")
    )
    completes(remember.replace("smollm2-135m", "tiny"), copy, home)
    assert "1 told, 0 forgotten" in completes(out, copy, home)
    assert "1 new, 0 forgotten" in completes(into, copy, home)


# They need a site, another server or a group, or never end: tests/cli, test_installed.py and the
# test of the exchange above run them.
ELSEWHERE = (
    "oneseek import", "oneseek exchange", "oneseek federate", "oneseek serve", "oneseek headless",
)  # fmt: skip


@pytest.mark.long
def test_the_lines_of_oneseek_teach_and_train_one_after_another(copy, home):
    fact = {"question": "What is the capital of Zorbia?", "answer": "It is Blimbo."}
    chats = [
        [
            {"role": "user", "content": f"What is {n} times two?"},
            {"role": "assistant", "content": f"It is {2 * n}, my friend."},
        ]
        for n in range(24)
    ]
    (copy / "facts.jsonl").write_text(json.dumps(fact) + "\n")
    asked = {"question": fact["question"], "raw_responses": [{"model": "a", "response": "Blimbo."}]}
    (copy / "asked.jsonl").write_text(json.dumps(asked) + "\n")
    orders = [{"question": f"Bring {n} hams", "answer": f"ham, {n}"} for n in range(24)]
    (copy / "orders.jsonl").write_text("".join(json.dumps(one) + "\n" for one in orders))
    (copy / "chats.jsonl").write_text("".join(json.dumps({"messages": c}) + "\n" for c in chats))
    typed_by_hand = [line for line in lines("oneseek") if "federate" not in line]  # needs its extra
    assert len(typed_by_hand) >= 5
    for line in typed_by_hand:
        if any(wanted in line for wanted in ELSEWHERE):
            continue
        line = line.replace("adopt theirs", "adopt other")  # torch's results need its extra
        line = line.replace("smollm2-135m", "tiny").replace("--tune 10m", "--tune 5s")
        completes(line, copy, home)
    assert (copy / "mine.gguf").read_bytes()[:4] == b"GGUF"


def test_the_help_of_oneseek(copy, home):
    assert ".venv/bin/oneseek --help" in MANUAL
    assert "teach" in completes(".venv/bin/oneseek --help", copy, home)
