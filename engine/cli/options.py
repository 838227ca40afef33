"""`oneseek`: the engine for scripts and terminals.

Results go to stdout, as text or with --json one JSON object a line; everything else goes to stderr.
The exit code is 0 when it worked, 1 when it did not, 2 for a wrong call, 3 when no model was
chosen.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from oneseek.engine.backends.room import memory_here
from oneseek.engine.backends.select import BACK_ENDS, MEANING
from oneseek.engine.core import environment
from oneseek.engine.core.environment import variable
from oneseek.engine.core.storage.store import StorageFull
from oneseek.engine.learning.needs import judge, row_takes
from oneseek.engine.learning.skills.skills import NoSkill
from oneseek.engine.learning.taste.taste import NoChoice
from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError
from oneseek.engine.model.formats.download import DownloadError
from oneseek.engine.model.template import TemplateError
from oneseek.engine.model.tokenizer import Tokenizer

Run = TypeVar("Run", bound=Callable[..., Any])
COMMANDS: dict = {}
FAILURES = (
    FormatError, TemplateError, DownloadError, StorageFull, registry.ModelMissing, NoSkill,
    NoChoice,
    sqlite3.Error, OSError, ValueError,
)  # fmt: skip


def command(*add_options: Callable[..., None]) -> Callable[[Run], Run]:
    """Make a function a command of its name; its docstring is the help, `add_options` take the
    parser."""

    def register(run: Run) -> Run:
        COMMANDS[run.__name__] = run, add_options
        return run

    return register


def json_option(parser):
    parser.add_argument(
        "--json", action="store_true", help="print JSON on stdout, one object per line"
    )


def model_options(parser):
    """Add the options of every command that uses a model."""
    parser.add_argument(
        "--model",
        metavar="ID|PATH",
        help="an id from `oneseek models`, a .gguf file or a folder with safetensors; "
        "default: the environment variable BASE_MODELS",
    )
    parser.add_argument(
        "--adapter", metavar="DIR", help="the folder of a trained adapter to use or to start from"
    )
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto", help=MEANING)
    json_option(parser)


def show(options, result, text):
    """Print a result for scripts or for people."""
    print(json.dumps(result, ensure_ascii=False) if options.json else text, flush=True)


def write_whole(path, data):
    """Write a file that is the old one or the whole new one: a full disk leaves no part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def log(message):
    print(message, file=sys.stderr, flush=True)


def text_options(parser):
    parser.add_argument("--text", help="the text; default: each line of standard input")
    parser.add_argument(
        "--special",
        action="store_true",
        help="read special tokens such as <|im_start|> as tokens, not as plain text",
    )


@command(model_options, text_options)
def tokenize(options):
    """Show the tokens of a text."""
    with contextlib.closing(registry.open_named(registry.one(options.model))) as file:
        tokenizer = Tokenizer(file.tokenizer_data)
    texts = [line.rstrip("\n") for line in sys.stdin] if options.text is None else [options.text]
    for text in texts:
        ids = tokenizer.encode(text, special=options.special)
        pieces = [tokenizer.decode([id], special=True) for id in ids]
        lines = [f"{id:>7}  {piece!r}" for id, piece in zip(ids, pieces, strict=True)]
        show(options, {"tokens": ids, "pieces": pieces}, "\n".join(lines))


def get_option(parser):
    parser.add_argument(
        "--get",
        metavar="ID",
        help="download a model by its id, its URL or its OWNER/NAME on Hugging Face; resumes an "
        "interrupted download",
    )


@command(json_option, get_option)
def models(options):
    """List the known models, or download one."""
    if options.get:
        path = asyncio.run(registry.obtain(options.get, Progress(options.get)))
        show(options, {"id": options.get, "path": str(path)}, str(path))
        return
    for model in registry.load_models().values():
        here, fits = registry.places(model), judge(row_takes(model), "cpu", memory_here())
        use = (
            "chat and learning" if fits["learns"] else "chat only" if fits["chats"] else "too large"
        )
        where = str(here[0]) if here else registry.advice(model)
        line = f"{model['id']:<22}{model['bytes'] / 1e6:>7.0f} MB  {use:<18}"
        line += f"{model['licence']:<32}{where}"
        show(options, model | fits | {"path": str(here[0]) if here else None}, line)


def need(what, names, extra):
    """Refuse, before anything is loaded, a command whose packages are not here."""
    if lacking := [name for name in names if importlib.util.find_spec(name) is None]:
        raise ValueError(
            f"{what} needs packages that are not installed ({', '.join(lacking)}). Nothing was "
            f"done. Install them: pip install 'oneseek[{extra}]'"
        )


class Progress:
    """A download's progress on a terminal, redrawn in place; nothing where stderr is a file."""

    def __init__(self, name):
        self.name, self.shown = name, None

    def __call__(self, phase, done, total):
        share = phase, 100 * done // total
        if share != self.shown and sys.stderr.isatty():
            print(f"\r{self.name}: {phase} {share[1]} %", end="", file=sys.stderr, flush=True)
            if share == ("verify", 100):
                log("")
        self.shown = share


class Lines:
    """How far a run is, a line on stderr for each step, for terminals and logs alike."""

    def __call__(self, metrics):
        log(f"step {metrics['step']}/{metrics['steps']}" + figures(metrics))


def figures(metrics) -> str:
    """The loss of a step, the held-out loss where it was measured, and the speed."""
    said = f"  loss {metrics['loss']:.3f}"
    if metrics.get("held_out") is not None:
        said += f"  held-out loss {metrics['held_out']:.3f}"
    if "tokens_per_second" in metrics:
        said += f"  {metrics['tokens_per_second']:.0f} tokens/s"
    return said


class Bar:
    """How far a round is, redrawn in place on a terminal; silent where stderr is a file."""

    def __init__(self, what):
        self.what = what

    def __call__(self, metrics):
        if sys.stderr.isatty():
            step, steps = metrics["step"], metrics["steps"]
            full = "█" * (20 * step // steps)
            line = f"\r{self.what[:40]:<40} {full:░<20} {step}/{steps}{figures(metrics)} "
            print(line, end="\n" if step == steps else "", file=sys.stderr, flush=True)


def server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `oneseek headless` and `build.py headless` share."""
    parser.epilog = environment.describe_variables()
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--model",
        help="a model id or path, or several separated by commas: the first answers, and each can "
        "be trained on a data set; default: BASE_MODELS",
    )
    parser.add_argument("--port", type=int, default=8321, help="default: 8321")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; default: 127.0.0.1; one that others can reach needs --key",
    )
    parser.add_argument(
        "--key",
        default=variable("ONESEEK_API_KEY"),
        help="the API key that clients must send; default: ONESEEK_API_KEY",
    )
    parser.add_argument(
        "--page", action="append", default=[], metavar="ORIGIN",
        help="allow the OneSeek page of this origin, such as https://oneseek.example, to exchange "
        "with this server; can be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="trust X-Forwarded-For from the proxy at this address, such as 127.0.0.1; can be "
        "repeated; default: trust no proxy",
    )  # fmt: skip
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".local/share/oneseek",
        help="the server's data; default: ~/.local/share/oneseek",
    )
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto", help=MEANING)
    parser.add_argument(
        "--share", type=float, default=1.0,
        help="the share of idle time that training may use, up to 1; default: 1 (the page uses 0.2 "
        "while you are there)",
    )  # fmt: skip
    moved = parser.add_mutually_exclusive_group()
    moved.add_argument("--backup", type=Path, metavar="FILE", help="write a backup and exit")
    moved.add_argument("--restore", type=Path, metavar="FILE", help="restore a backup and exit")
