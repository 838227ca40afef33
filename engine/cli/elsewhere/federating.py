"""`oneseek federate`: a group of members, each with its own part of a data set, learns one style.

On one machine, as a simulation; the same members on several are started by Flower's own programs,
with the app in engine/with_flower/app. Whatever needs the extra is imported when it is asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from oneseek.engine.backends.select import BACK_ENDS
from oneseek.engine.cli.options import command, json_option, log, need, show
from oneseek.engine.cli.teaching import changes, out_option
from oneseek.engine.learning.datasets import DataSet
from oneseek.engine.model import registry

EXTRA = ("flwr", "ray")
STRATEGIES = ("momentum", "average", "proximal", "median", "trimmed", "krum")
NO_PRIVACY = (
    "what members send is the B they trained, and whoever gathers the group sees each of them: "
    "federate a style, a language or a data set, never a person's facts"
)


def group_options(parser):
    parser.add_argument("--data", metavar="DIR", type=Path, required=True,
                        help="a folder with one data set for each member")  # fmt: skip
    parser.add_argument("--model", metavar="ID|PATH", help="an id of `oneseek models` or a file")
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto")
    parser.add_argument("--adapter", metavar="DIR", type=Path,
                        help="go on from what an earlier run of this group wrote")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=18)
    parser.add_argument("--strategy", choices=STRATEGIES, default=STRATEGIES[0],
                        help="how what the members send becomes one: trimmed, median and krum bear "
                        "one of five that means harm")  # fmt: skip
    parser.add_argument("--proximal", type=float, default=0.1, metavar="MU",
                        help="with --strategy proximal: how hard members are held to what they got")  # fmt: skip
    parser.add_argument("--clip", type=float, default=0.0, metavar="NORM",
                        help="no member moves B further than this in a round")  # fmt: skip
    parser.add_argument("--noise", type=float, default=0.0, metavar="MULTIPLIER",
                        help="noise on the mean, as a multiple of --clip over the members")  # fmt: skip
    parser.add_argument("--patience", type=float, default=3600.0, metavar="SECONDS",
                        help="a round goes on without whoever has not answered by then")  # fmt: skip
    parser.add_argument("--set", metavar="NAME=VALUE", nargs="*", default=[],
                        help="settings of every member's training, such as epochs=2")  # fmt: skip


@command(json_option, group_options, out_option)
def federate(options):
    """Let several learn one style together without handing over their data: a whole group on this
    machine, as a simulation (extra oneseek[federated])."""
    need("federate", EXTRA, "federated")
    if options.out.exists():
        raise ValueError(f"{options.out} is there already; nothing was done. Choose another --out")
    if options.noise and not options.clip:
        raise ValueError("--noise is a multiple of --clip: give that as well")
    if options.clip and options.strategy == "momentum":
        raise ValueError(
            "momentum forgets the noise of a round: --clip goes with another --strategy"
        )
    parts = parts_in(options.data)
    own = {
        "model": registry.one(options.model),
        "backend": options.backend,
        "adapter": str(options.adapter.resolve()) if options.adapter else "",
        "out": str(options.out.resolve()),
        "rounds": options.rounds,
        "strategy": options.strategy,
        "proximal": options.proximal,
        "clip": options.clip,
        "noise": options.noise,
        "patience": options.patience,
        "training": json.dumps(changes(options.set)),
    }
    from oneseek.engine.with_flower.simulation import simulate

    log(f"{len(parts)} members; {NO_PRIVACY}")
    simulate(parts, own)
    show_outcome(options)


def parts_in(folder: Path) -> list[Path]:
    """The files of the members, one each; all of them are read before anybody trains."""
    parts = sorted(path for path in folder.iterdir() if path.is_file())
    if len(parts) < 2:
        raise ValueError(f"{folder} holds {len(parts)} data sets; a group has at least two members")
    for part in parts:
        DataSet(part)
    return parts


def show_outcome(options: Any) -> None:
    """Show the outcome in one line and one object."""
    figures = json.loads((options.out / "rounds.json").read_text("utf-8"))
    found = figures["result"]
    examples = sum(one["num-examples"] for one in found)
    loss = sum(one["loss_received"] * one["num-examples"] for one in found) / max(examples, 1)
    refused = sum(one["refused"] for one in found)
    down, up = (sum(r[way] for r in figures["rounds"]) for way in ("bytes_down", "bytes_up"))
    line = (
        f"wrote {options.out}: {loss:.3f} nats a token on what the members hold back, refused by "
        f"{refused} of {len(found)}; {down / 1e6:.1f} MB went out, {up / 1e6:.1f} MB came back. "
        f"Use it with `oneseek adopt {options.out}`"
    )
    show(options, figures | {"path": str(options.out), "loss": loss, "refused": refused}, line)
