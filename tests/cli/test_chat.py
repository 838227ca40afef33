"""`oneseek chat`: statements are kept in a folder, or not, as the options say; Ctrl+C ends an
answer or the talk."""

import io
import json
import os
import pty
import select
import signal
import sys

import pytest

from builder import ROOT, encoder
from oneseek.engine.cli import commands, main
from oneseek.engine.open import alone_in

BOAT = "My boat is called Saltkråkan."
ASKED = "What is my boat called?"


@pytest.fixture
def chat(tmp_path, monkeypatch, capsys):
    """A function that sends lines to the demo model in turn; returns the answers as JSON."""
    encoder.file()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def talk(*lines: str, more: tuple[str, ...] = ()) -> list[dict]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))
        given = ["chat", "--model", "tiny", "--backend", "cpu", "--greedy", "--json", *more]
        assert main.main(given) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return talk


@pytest.mark.slow
def test_what_is_told_is_known_the_next_time_in_its_folder_and_nowhere_else(chat, tmp_path):
    here = ("--folder", str(tmp_path / "here"))
    assert [one["remembered"] for one in chat(BOAT, more=here)] == [[BOAT]]
    (answer,) = chat(ASKED, more=here)
    assert "Saltkråkan" in answer["text"] and answer["oneseek"]["facts"]
    (answer,) = chat(ASKED)
    assert "Saltkråkan" not in answer["text"]
    assert list((tmp_path / "data/oneseek/chat").glob("*/oneseek.sqlite"))


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["--no-learn", "LEARN_FROM_CHATS"])
def test_nothing_is_kept_where_that_is_wished(chat, monkeypatch, wish):
    more = (wish,) if wish.startswith("--") else ()
    if not more:
        monkeypatch.setenv(wish, "0")
    told, asked = chat(BOAT, ASKED, more=more)
    assert told["remembered"] == asked["remembered"] == []
    assert "Saltkråkan" not in asked["text"]


@pytest.mark.slow
def test_ctrl_c_ends_an_answer_and_the_talk_goes_on(chat, monkeypatch):
    whole, _ = chat("Hello!", "Who are you?", more=("--no-learn",))
    pressed = lambda options: lambda piece: signal.raise_signal(signal.SIGINT)  # noqa: E731
    monkeypatch.setattr(commands, "make_printer", pressed)
    cut, after = chat("Hello!", "Who are you?", more=("--no-learn",))
    assert whole["text"].startswith(cut["text"]) and len(cut["text"]) < len(whole["text"])
    assert after["text"]


@pytest.mark.slow
def test_ctrl_c_at_the_prompt_ends_the_talk(tmp_path):
    terminal, process = in_terminal(
        "-m", "oneseek.engine.cli.main", "chat", "--model", "tiny", "--backend", "cpu",
        "--folder", str(tmp_path / "kept"),
    )  # fmt: skip
    wait_for(terminal, b"> ")
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)


@pytest.mark.slow
def test_ctrl_c_is_heard_in_the_very_moment_that_the_prompt_appears():
    asked = """
import threading
from oneseek.engine.cli.commands import read_line
threading.Thread(target=lambda: all(iter(lambda: True, 0)), daemon=True).start()
while True: print(read_line())
"""
    terminal, process = in_terminal("-c", asked)
    for _ in range(50):
        wait_for(terminal, b"> ")
        os.write(terminal, b"\x03")
    wait_for(terminal, b"> ")
    os.write(terminal, b"a line\n")
    wait_for(terminal, b"a line\r\na line\r\n> ")  # its echo, then the line as read
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(terminal)


def in_terminal(*given: str) -> tuple[int, int]:
    """Start Python in a terminal of its own; returns the terminal and the process."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, *given])
    return terminal, process


def wait_for(terminal: int, shown: bytes) -> None:
    """Read until this is the last output."""
    seen = b""
    while not seen.endswith(shown):
        assert select.select([terminal], [], [], 60)[0], f"nothing more after {seen!r}"
        try:
            seen += os.read(terminal, 1000)
        except OSError:
            pytest.fail(f"it ended after {seen.decode()}")


def test_two_at_once_in_one_folder_are_refused(chat, tmp_path):
    with alone_in(tmp_path / "here"), pytest.raises(SystemExit, match="nothing was changed"):
        chat("Hello!", more=("--folder", str(tmp_path / "here")))


def test_without_the_encoder_it_says_that_nothing_is_remembered(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    folder = str(tmp_path / "here")
    given = ["chat", "--model", "tiny", "--backend", "cpu", "--folder", folder]
    assert main.main(given) == 0
    assert "the sentence encoder is not on this machine" in capsys.readouterr().err
