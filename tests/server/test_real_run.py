"""A run over facts about OneSeek on the real model, through the server of `build.py headless`,
which is killed and restarted."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oneseek.workers.server.headless import alone_in
from tests.support.hosts import Listener, Native
from tests.support.runs import START, find_run, in_time

ROOT = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m"
EPOCHS = 3
ASKED = {
    "baseModels": [MODEL], "datasetId": "identity", "epochs": EPOCHS, "learningRate": 1e-3,
    "trainingConfig": {"batch_size": 16},
}  # fmt: skip
OVER = ("complete", "failed", "cancelled")
SECONDS = 3600  # only against a hang: a run takes minutes on two idle cores


@contextlib.contextmanager
def headless(folder: Path) -> Iterator[Native]:
    """Run the README's command over a folder; afterwards kill it, whatever it does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["headless", "--model", MODEL, "--port", str(port), "--folder", str(folder)]
    words += ["--backend", "numpy"]  # else each folder would choose the faster, and so its bits
    process = subprocess.Popen(
        [sys.executable, "build.py", *words], cwd=ROOT, start_new_session=True
    )
    host = Native(port, None, None)
    try:
        in_time(lambda: process.poll() is not None or answers(host), 300)
        assert process.poll() is None, "the server did not start"
        yield host
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        in_time(lambda: is_left(folder))


def is_left(folder: Path) -> bool:
    """True once no process works on the folder."""
    try:
        with alone_in(folder):
            return True
    except SystemExit:
        return False


def answers(host: Native) -> bool:
    with contextlib.suppress(OSError):
        return host.ask("GET", "/healthz").status == 200
    return False


def start_run(host: Native, **more) -> str:
    answer = host.ask("POST", START, ASKED | more)
    assert answer.status == 202, answer.text
    return answer.json()["runId"]


def wait_for_end(host: Native, run: str) -> tuple[list[float], dict, str]:
    """The run's losses, its results, and the hash of the weights then in use."""
    kept = in_time(lambda: (one := find_run(host, run))["state"] in OVER and one, SECONDS)
    assert kept["state"] == "complete", kept
    (version,) = host.ask("GET", "/api/models/versions").json()["versions"]
    losses = [one["total_loss"] for one in kept["metrics"]]
    print(kept["models"], losses, kept["results"], flush=True)
    return losses, kept["results"], version["weights_sha256"]


def steps(events: Listener, run: str) -> int:
    return sum(one["type"] == "step" and one["runId"] == run for one in list(events.seen))


@pytest.mark.long  # 21 steps of the real model with 16 examples each, and three gates
def test_a_run_on_the_real_model_learns_stops_and_goes_on_after_a_kill(tmp_path):
    with headless(tmp_path / "whole") as host, host.listen("/api/events") as events:
        run = start_run(host, autoStopThreshold=0)
        losses, results, _ = wait_for_end(host, run)
        told = events.wait("training_complete", 60, runId=run)
    assert len(losses) == EPOCHS and sorted(losses, reverse=True) == losses, losses
    assert (told["outcome"], told["version"], told["stopped_early"]) == ("trained", "v1.0", False)
    assert told["final_losses"] == {MODEL: losses[-1]} and told["examples"] == 50
    assert told["gate"]["losses"] == losses
    assert results == {name: told[name] for name in results}

    falls = [before - after for before, after in zip(losses, losses[1:], strict=False)]
    stop = {"autoStopThreshold": max(falls) + 1e-6, "autoStopPatience": 1}  # ends at the first fall
    with headless(tmp_path / "stopped") as host:
        stopped, results, expected = wait_for_end(host, start_run(host, **stop))
    assert stopped == losses[:2] and results["stopped_early"], (stopped, losses)
    kill_midway(tmp_path / "killed", stop, stopped, expected)


def kill_midway(folder: Path, asks: dict, losses: list[float], expected: str) -> None:
    """Kill it in its second epoch; resumed, it must reach the same losses and weights."""
    with headless(folder) as host, host.listen("/api/events") as events:
        run = start_run(host, **asks)
        in_time(lambda: find_run(host, run)["metrics"], SECONDS)
        first = steps(events, run)
        in_time(lambda: steps(events, run) > first, SECONDS)
    with headless(folder) as host:
        kept = find_run(host, run)
        assert kept["state"] == "training" and len(kept["metrics"]) < len(losses)
        resumed, _, weights = wait_for_end(host, run)
    assert (resumed, weights) == (losses, expected)
