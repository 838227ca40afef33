"""`oneseek look`: what a file or folder is, whether it loads and learns here, and why not.

It is read from the header alone, before anything is copied or used.
"""

from __future__ import annotations

from pathlib import Path

from oneseek.engine.backends.room import memory_here
from oneseek.engine.backends.select import BACK_ENDS
from oneseek.engine.cli.options import command, json_option, show
from oneseek.engine.learning.needs import file_takes, file_takes_packed, judge
from oneseek.engine.model import look as looking

REASONS = {
    "reach": "the CPU kernels can address {room:.1f} GB",
    "memory": "half of the memory here is {room:.1f} GB",
}


def look_options(parser):
    parser.add_argument(
        "path", metavar="PATH", type=Path, help="a model file, one part of it, or a folder"
    )
    parser.add_argument(
        "--backend", choices=BACK_ENDS, default="cpu", help="what would run it; default: cpu"
    )
    parser.add_argument(
        "--memory", metavar="GB", type=float, help="check for this memory; default: this device's"
    )


@command(json_option, look_options)
def look(options):
    """Show what a model file is, and whether it can answer and learn on this device."""
    memory = memory_here() if options.memory is None else int(options.memory * 1e9)
    backend = "cpu" if options.backend == "auto" else options.backend
    told, file = looking.look(options.path)
    if file is not None:
        told |= judge(file_takes(file), backend, memory)
        told["packed"] = [judge(one, backend, memory) for one in file_takes_packed(file)]
        file.close()
    show(options, told, "\n".join(sentences(told)))
    return 0 if told["loads"] else 1


def sentences(told: dict) -> list[str]:
    size = f"{told['bytes'] / 1e6:.1f} MB"
    what = [told["kind"] or "no model", size, f"{told['files']} files" * (told["files"] > 1)]
    lines = [f"{told['name']}: {', '.join(part for part in what if part)}"]
    known = [told["title"], told["architecture"], told["licence"]]
    if told["parameters"]:
        known += [
            f"{told['parameters'] / 1e6:.0f} million parameters",
            f"context of {told['context']} tokens",
        ]
        known += [", ".join(f"{count} tensors of {kind}" for kind, count in told["types"].items())]
    lines += ["  " + "; ".join(part for part in known if part)] if any(known) else []
    if eyes := told["eyes"]:
        lines.append(f"  sees pictures: {eyes['name']}, {eyes['parameters'] / 1e6:.0f} million "
                     f"parameters, {eyes['loaded_bytes'] / 1e9:.2f} GB of the memory below")  # fmt: skip
    if not told["loads"]:
        return [*lines, f"  does not load: {told['why']}"]
    lines += describe_fit(told)
    for one in told["packed"]:
        size = f"{one['bytes'] / 1e6:.1f} MB"
        lines.append(f"  packed to 4 bits, embeddings {one['embeddings'].lower()}: {size}")
        lines += ["  " + line for line in describe_fit(one)]
    return lines


def describe_fit(told: dict) -> list[str]:
    """Whether it answers and learns here, and why not."""
    lines: list[str] = []
    why = REASONS.get(told["limit"], "").format(room=told["room"] / 1e9)
    for what, word in (("chat", "answer"), ("learn", "learn")):
        needs = f"needs about {told[f'{what}_bytes'] / 1e9:.2f} GB of memory"
        yes = f"  can {word} here: {needs}"
        lines.append(yes if told[f"{what}s"] else f"  cannot {word} here: {needs}, and {why}")
    return lines
