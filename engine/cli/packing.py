"""`oneseek pack`: a smaller file, made from a model, and what that costs.

Interrupted, the same command goes on, to the same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import numpy as np

from oneseek.engine.backends.select import BACK_ENDS, executor_named
from oneseek.engine.cli.options import Progress, command, json_option, show
from oneseek.engine.learning.lessons import paragraphs, texts
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.formats.native import FileWriter
from oneseek.engine.model.formats.packing import Packing
from oneseek.engine.model.formats.packing import pack as packed
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import Expecting

KINDS = ("q4_0", "q4_1", "q8_0")
LANGUAGES = ("en", "sv")
LENGTH = 128  # tokens that are read at once


def pack_options(parser):
    parser.add_argument(
        "model", metavar="MODEL", help="an id from `oneseek models`, a file or a folder"
    )
    parser.add_argument(
        "--to", choices=KINDS, default="q4_1", help="type of the layers' matrices; default: q4_1"
    )
    parser.add_argument(
        "--embeddings",
        choices=KINDS,
        default="q8_0",
        help="type of the embeddings and the output head; default: q8_0",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="the .gguf file to write"
    )
    parser.add_argument(
        "--judge",
        action="store_true",
        help="compare the result with MODEL: KL divergence, likeliest tokens, perplexity",
    )
    parser.add_argument(
        "--backend", choices=BACK_ENDS, default="auto", help="what runs --judge; default: auto"
    )


@command(json_option, pack_options)
def pack(options):
    """Quantise a model to 4 or 8 bits a weight. What is quantised already stays as it is."""
    asyncio.run(_pack(options))


async def _pack(options) -> None:
    out, given = options.out, registry.find(options.model)
    if not out.exists():
        await write(given, out, options)
    elif not is_this(given, out, options):
        raise ValueError(
            f"{out} already exists and is another file. Nothing was written. Choose another --out"
        )
    told = {"path": str(out), "bytes": out.stat().st_size}
    with contextlib.closing(open_model(given)) as file:
        told["given_bytes"] = file.size
    line = f"{out}: {told['bytes'] / 1e6:.1f} MB of {told['given_bytes'] / 1e6:.1f} MB"
    if options.judge:
        told |= await judge(given, out, options.backend)
        line += "".join(f"\n  {figure}: {value:.6g}" for figure, value in told["judged"].items())
    show(options, told, line)


async def write(given: Path, out: Path, options) -> None:
    """Write under another name until the file is whole."""
    part = out.with_name(out.name + ".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as open_files:
        file = open_files.enter_context(contextlib.closing(open_model(given)))
        writer = open_files.enter_context(contextlib.closing(FileWriter(part)))
        await packed(file, writer, *kinds(options), Progress(out.name))
    os.replace(part, out)


def kinds(options) -> tuple[str, str]:
    return options.to.upper(), options.embeddings.upper()


def is_this(given: Path, out: Path, options) -> bool:
    """Whether the file is what this call would write: its header names what it was made of."""
    with contextlib.closing(open_model(given)) as file, out.open("rb") as there:
        head = Packing(file, *kinds(options), file.sha256()).head
        return there.read(len(head)) == head


async def judge(given: Path, out: Path, backend: str) -> dict:
    """Compare both on plain text of both languages: their distance (KL, nats a token), how often
    they have the same likeliest token, and the perplexity of each."""
    models = [await load_model(path, backend) for path in (given, out)]
    expecting = [Expecting(model, LENGTH) for model in models]
    figures: dict[str, float] = {}
    for code in LANGUAGES:
        text, rows = "\n\n".join([*paragraphs(code), *texts(code)]), []
        ids = models[0].tokenizer.encode(text)
        for first in range(0, len(ids) - LENGTH + 1, LENGTH):
            part = ids[first : first + LENGTH]
            p, q = [await one.after(part) for one in expecting]
            rows.append(compare(p, q, np.array(part)))
        kl, same, before, after = (np.concatenate(column) for column in zip(*rows, strict=True))
        figures |= {
            f"tokens_{code}": len(kl),
            f"kl_{code}": float(kl.mean()),
            f"same_token_{code}": float(same.mean()),
            f"perplexity_given_{code}": float(np.exp(before.mean())),
            f"perplexity_packed_{code}": float(np.exp(after.mean())),
        }
    return {"judged": figures}


def compare(p: np.ndarray, q: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, ...]:
    """At each token of a text: KL(p, q), whether both have the same likeliest token, and the loss
    of each."""
    at, then = np.arange(len(ids) - 1), ids[1:]
    kl = (np.exp(p) * (p - q)).sum(-1)
    return kl, p.argmax(-1) == q.argmax(-1), -p[at, then], -q[at, then]


async def load_model(path: Path, backend: str) -> Model:
    with contextlib.closing(open_model(path)) as file:
        return await Model.load(file, await executor_named(backend))
