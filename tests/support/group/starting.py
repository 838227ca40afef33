"""Both ways to start a group: Flower's simulation, and Flower's own programs on loopback."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from builder import ROOT, environment
from tests.bench.data import lines, make_style_set

MEMBERS = 5
LONGEST = 3000
APP = ROOT / "engine/with_flower/app"
OWN = {
    "model": "tiny", "backend": "cpu", "rounds": 1, "strategy": "momentum", "proximal": 0.1, "clip": 0.0, "adapter": "",
    "noise": 0.0, "patience": 1800.0, "training": "{}",
}  # fmt: skip


def write_data(folder: Path) -> tuple[list[Path], Path, Path]:
    """Write a style data set: five parts, their union, and a held-out part."""
    pairs, held = make_style_set()
    parts = [folder / "parts" / f"member-{number}.jsonl" for number in range(MEMBERS)]
    parts[0].parent.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts):
        part.write_text(lines(pairs[number::MEMBERS]), "utf-8")
    union, apart = folder / "union.jsonl", folder / "held.jsonl"
    union.write_text(lines(pairs), "utf-8")
    apart.write_text(lines(held), "utf-8")
    return parts, union, apart


def programs() -> Path:
    return environment.extra("federated")


def surroundings(folder: Path) -> dict[str, str]:
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    own = {"FLWR_HOME": str(folder / "flower"), "OPENBLAS_NUM_THREADS": "1"}
    return os.environ | quiet | own | {"PATH": f"{programs()}:{os.environ['PATH']}"}


def figures(out: Path) -> dict:
    return json.loads((out / "rounds.json").read_text("utf-8"))


def run_command(folder: Path, *command: str) -> str:
    """Run a command to its end, as a shell would; returns its output. `oneseek` runs in a Python
    that has both the tree and the extra."""
    first, *rest = command
    own = ["python", "-m", "oneseek.engine.cli.main"] if first == "oneseek" else [first]
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("w") as said:
        done = subprocess.run(
            [str(programs() / own[0]), *own[1:], *rest], cwd=ROOT, env=surroundings(folder),
            stdout=said, stderr=subprocess.STDOUT, timeout=LONGEST,
        )  # fmt: skip
    text = log.read_text("utf-8")
    assert done.returncode == 0, text[-3000:]
    return text


def simulate(folder: Path, out: Path, parts: list[Path], troubles: dict, **own) -> dict:
    """Run a simulation in which some members do harm; returns its figures."""
    given = {
        "parts": [str(part) for part in parts],
        "troubles": troubles,
        "own": OWN | own | {"out": str(out)},
    }
    run_command(folder, "python", "-m", "tests.support.group.trouble", json.dumps(given))
    return figures(out)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Deployed:
    """A SuperLink with its SuperNodes on loopback; the `with` block ends them all."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, {}
        self.fleet, self.control, inside = (f"127.0.0.1:{free_port()}" for _ in range(3))
        home = folder / "flower"
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "{self.control}"\n'
            "insecure = true\n"
        )
        self._start(
            "superlink", "flower-superlink", "--insecure",
            "--disable-runtime-dependency-installation", "--fleet-api-address", self.fleet,
            "--control-api-address", self.control, "--serverappio-api-address", inside,
        )  # fmt: skip

    def member(self, number: int, data: Path, **own: str) -> None:
        """Start a member; `own` goes into its SuperNode's configuration."""
        said = {"data": str(data), "folder": str(self.folder / f"own-{number}"), **own}
        told = " ".join(f'{name}="{value}"' for name, value in said.items())
        self._start(
            f"member-{number}", "flower-supernode", "--insecure", "--superlink", self.fleet,
            "--clientappio-api-address", f"127.0.0.1:{free_port()}", "--node-config", told,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def begin(self, app: Path, out: Path, **own) -> subprocess.Popen:
        """Start `flwr run`, which ends with the run."""
        given = OWN | {"members": MEMBERS, "out": str(out)} | own
        told = self.folder / f"{out.name}.toml"
        told.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
        return self._start(
            f"run-{out.name}", "flwr", "run", str(app), "here", "--stream",
            "--run-config", str(told),
        )  # fmt: skip

    def read_logs(self) -> str:
        """The end of each program's log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{p.name}: {p.read_text('utf-8', 'replace')[-1500:]}" for p in logs)

    def _start(self, name: str, *command: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("w") as said:
            self.running[name] = subprocess.Popen(
                [str(programs() / command[0]), *command[1:]], cwd=self.folder, stdout=said,
                stderr=subprocess.STDOUT, env=surroundings(self.folder), start_new_session=True,
            )  # fmt: skip
        return self.running[name]

    def end(self) -> None:
        for name in list(self.running):
            self.kill(name)


@contextlib.contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    group = Deployed(folder)
    try:
        yield group
    finally:
        group.end()


def write_troubled_app(folder: Path) -> Path:
    """The product's app, with the trouble-making mod around its members."""
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    (app / "pyproject.toml").write_text((APP / "pyproject.toml").read_text())
    text = (APP / "group.py").read_text()
    text = text.replace("client_app({})", "client_app({}, [troubled({})])")
    (app / "group.py").write_text(
        text.replace("\n\nserver", "\nfrom tests.support.group.trouble import troubled\n\nserver")
    )
    return app


def wait_for_file(path: Path, run: subprocess.Popen, group: Deployed) -> None:
    """Wait for a file; fail with the logs if the run ends or takes too long."""
    ends = time.monotonic() + LONGEST
    while not path.exists():
        if run.poll() is not None and not path.exists():
            raise AssertionError(group.read_logs())
        assert time.monotonic() < ends, group.read_logs()
        time.sleep(0.5)


def wait_for_figures(run: subprocess.Popen, group: Deployed, out: Path) -> dict:
    """The figures of a run, once it is over."""
    wait_for_file(out / "rounds.json", run, group)
    return figures(out)
