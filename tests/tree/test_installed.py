"""The pip packages, used without anything else: an empty environment outside the tree, an empty
home, and only the environment's own programs, so neither Node nor a compiler."""

import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
from playwright.sync_api import expect

import oneseek
from builder import LOCK, ROOT, environment, release
from tests.support.page.acts import body, new_chat, say, wait_for_answer
from tests.support.page.browser import Chromium, demo

pytestmark = [pytest.mark.slow, pytest.mark.long]

SECONDS = 300  # only against a hang
README = (ROOT / "README.md").read_text()
PROMISED = re.findall(r"^    (\w+) +(engine/[\w/]+)\.py ", README, re.M)
NOT_OURS = ("XDG_", "PYTHON", "ONESEEK_", "OQT_", "VIRTUAL_ENV", "BASE_MODELS", "MODELS_DIR")


PEERS = ("torch", "transformers", "jupyter")  # the newest that pip can install beside both wheels


@dataclass
class Installed:
    """An environment, and how programs start in it."""

    programs: Path
    home: Path

    def begin(self, *command: str, **more) -> subprocess.Popen:
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
        surroundings |= {"HOME": str(self.home), "PATH": str(self.programs)}
        first, *rest = command
        return subprocess.Popen(
            [self.programs / first, *rest],
            cwd=self.home, env=surroundings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def run(self, *command: str, given: str = "") -> tuple[str, str]:
        """The program's output and its error output."""
        process = self.begin(*command, stdin=subprocess.PIPE)
        out, err = process.communicate(given, SECONDS)
        assert process.returncode == 0, err
        return out, err

    @contextlib.contextmanager
    def serving(self, *command: str) -> Iterator[subprocess.Popen]:
        process = self.begin(*command)
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)


def make_constraints() -> str:
    """The tested versions as pip constraints."""
    pinned = json.loads(LOCK.read_text())["python"]
    return "".join(f"{name}=={part['version']}\n" for name, part in pinned.items())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return release.code(folder), release.page(folder)


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory) -> Installed:
    """Both wheels installed in a new environment; packages that `build.py test` has fetched are
    reused."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=True)
    (place / "home").mkdir()
    (place / "constraints.txt").write_text(make_constraints())
    here = Installed(place / "venv/bin", place / "home")
    known = ["--find-links", str(environment.WHEELS), "-c", str(place / "constraints.txt")]
    _, _, *named = shlex.split(release.install(*wheels))
    here.run("pip", "install", "-q", *known, *named)
    return here


def test_the_readme_says_how(wheels):
    assert (
        f"    {release.install(*(Path('dist-wheels', path.name) for path in wheels))}\n" in README
    )


def test_the_environment_has_neither_node_nor_a_compiler(installed):
    assert not [
        name for name in ("node", "cc", "git") if shutil.which(name, path=installed.programs)
    ]


def test_the_wheels_hold_the_demo_model_and_types_and_no_large_model(installed):
    ask = "import oneseek, oneseek_site; print(oneseek.__path__[0], oneseek_site.__path__[0])"
    code, page = map(Path, installed.run("python", "-c", ask)[0].split())
    assert (code / "py.typed").is_file() and ROOT not in code.parents
    assert (code / "engine/model/demo/tiny.gguf").is_file()
    models = {path.name for path in page.glob("site/models-*/*")}
    assert models == {"tiny.gguf", "encoder.gguf"}
    assert (page / "site/THIRD_PARTY_LICENSES.txt").is_file()


def test_the_classes_that_the_readme_names_are_imported(installed):
    assert len(PROMISED) >= 6
    lines = [f"from oneseek.{path.replace('/', '.')} import {name}" for name, path in PROMISED]
    assert installed.run("python", "-W", "error", "-c", "\n".join(lines)) == ("", "")


def test_it_says_its_version_and_what_a_back_end_is(installed):
    assert installed.run("oneseek", "--version") == (f"oneseek {oneseek.__version__}\n", "")
    for name in ("chat", "headless"):
        text, beside = installed.run("oneseek", name, "--help")
        assert "gpu is WebGPU" in " ".join(text.split()) and not beside


def test_a_shell_completes_commands_and_options(installed):
    script, beside = installed.run("oneseek", "completion", "bash")
    ask = 'COMP_WORDS=(oneseek "$@"); COMP_CWORD=$#; _oneseek; echo "${COMPREPLY[*]}"'

    def complete(*words: str) -> list[str]:
        command = ["bash", "-c", f"{script}\n{ask}", "bash", *words]
        return subprocess.run(command, capture_output=True, text=True).stdout.split()

    assert not beside
    assert complete("he") == ["headless"] and "serve" in complete("")
    assert complete("chat", "--no") == ["--no-learn"]
    assert "-a serve" in installed.run("oneseek", "completion", "fish")[0]
    assert "bashcompinit" in installed.run("oneseek", "completion", "zsh")[0]


def test_a_terminal_talks_remembers_and_says_nothing_else(installed):
    talk = ("oneseek", "chat", "--model", "tiny", "--folder", "told")
    out, err = installed.run(*talk, given="My boat is called Saltkråkan.\n")
    assert out.strip()
    assert err.splitlines() == [
        "tiny.gguf on cpu; an empty line ends the chat",
        "(remembered: My boat is called Saltkråkan.)",
    ]
    out, err = installed.run(*talk, given="What is my boat called?\n")
    assert "Saltkråkan" in out and "remembered" not in err


def test_the_api_answers(installed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = f"http://127.0.0.1:{port}"
    serve = ("oneseek", "headless", "--model", "tiny", "--port", str(port), "--folder", "served")
    with installed.serving(*serve) as process:
        said = [process.stderr.readline()]
        assert "OneSeek answers at" in said[0], said[0] + process.stderr.read()
        until = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{where}/healthz", timeout=30).close()
                break
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        with openai.OpenAI(base_url=f"{where}/v1", api_key="none", max_retries=0) as client:
            ask = functools.partial(
                client.chat.completions.create,
                model="oneseek", messages=[{"role": "user", "content": "Hello!"}], max_tokens=20,
            )  # fmt: skip
            whole = ask().choices[0].message.content
            parts = ask(stream=True)
            streamed = "".join(part.choices[0].delta.content or "" for part in parts)
        assert whole and streamed == whole
        process.terminate()
        said += process.stderr.read().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in said), said


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/engine").glob("*.py")), ids=lambda path: path.stem
)
def test_an_example_trains_its_model(installed, path):
    out, err = installed.run("python", "-W", "error", str(path))
    assert "->" in out and not err


def test_the_page_is_served_and_answers(installed, chromium: Chromium):
    with installed.serving("oneseek", "serve", "--port", "0", "--no-open") as process:
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address, line + process.stderr.read()
        with demo(chromium, address[0]) as page:
            new_chat(page)
            say(page, "Hello!")
            expect(body(wait_for_answer(page))).not_to_be_empty()
        process.terminate()
        assert process.stderr.read() == ""


def test_what_is_lacking_is_said_with_what_brings_it(wheels, tmp_path):
    """Without the packages of the page and the API, the code must run and name what to install."""
    code, _ = wheels
    place = tmp_path / "code"
    shutil.unpack_archive(code, place, "zip")
    hidden = (
        "import sys\n"
        "for name in ('starlette', 'uvicorn', 'websockets', 'lxml', 'trafilatura', 'pypdf',\n"
        "             'striprtf', 'markdown_it', 'PIL', 'oneseek_site'):\n"
        "    sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(place)!r})\n"
        "from oneseek.engine.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )

    def run_command(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", hidden, *command], cwd=tmp_path, capture_output=True, text=True
        )

    tokens = run_command("tokenize", "--model", "tiny", "--text", "boat")
    assert tokens.returncode == 0 and "'at'" in tokens.stdout, tokens.stderr
    for command in (["serve"], ["headless", "--model", "tiny"], ["import", str(code)]):
        refused = run_command(*command)
        assert refused.returncode == 1 and "pip install 'oneseek[app]'" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1, refused.stderr


def test_pip_finds_it_a_place_beside_the_newest_of_the_field(wheels, installed):
    _, _, *named = shlex.split(release.install(*wheels))
    quietly = ("pip", "install", "--quiet", "--ignore-installed", "--dry-run", "--report", "-")
    out, _ = installed.run(*quietly, *named, *PEERS)
    chosen = {one["metadata"]["name"] for one in json.loads(out)["install"]}
    assert chosen >= {"oneseek", "oneseek_site", "numpy", *PEERS}
