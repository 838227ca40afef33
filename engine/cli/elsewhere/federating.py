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
    "the aggregator sees matrix B of each member's adapter: federate a style, a language or a data "
    "set, never personal facts"
)


def group_options(parser):
    parser.add_argument("--data", metavar="DIR", type=Path, required=True,
                        help="a folder with one data set for each member")  # fmt: skip
    parser.add_argument("--model", metavar="ID|PATH", help="an id from `oneseek models` or a file")
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto",
                        help="what the members train on; default: auto")  # fmt: skip
    parser.add_argument("--adapter", metavar="DIR", type=Path,
                        help="start from the --out of an earlier run of this group")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=18, help="default: 18")
    parser.add_argument("--strategy", choices=STRATEGIES, default=STRATEGIES[0],
                        help="how the members' adapters are aggregated; default: momentum; "
                        "trimmed, median and krum withstand one harmful member of five")  # fmt: skip
    parser.add_argument("--proximal", type=float, default=0.1, metavar="MU",
                        help="weight of the proximal term, for --strategy proximal; default: 0.1")  # fmt: skip
    parser.add_argument("--clip", type=float, default=0.0, metavar="NORM",
                        help="clip a member's change of B in a round to this norm; default: off")  # fmt: skip
    parser.add_argument("--noise", type=float, default=0.0, metavar="MULTIPLIER",
                        help="noise on the mean, as a multiple of --clip / members; default: off")  # fmt: skip
    parser.add_argument("--patience", type=float, default=3600.0, metavar="SECONDS",
                        help="a round ends without members that answer later; default: 3600")  # fmt: skip
    parser.add_argument("--set", metavar="NAME=VALUE", nargs="*", default=[],
                        help="change settings of every member's training, such as epochs=2")  # fmt: skip


@command(json_option, group_options, out_option)
def federate(options):
    """Federated learning: simulate a group on this machine that trains one adapter and shares no
    data (needs the extra oneseek[federated])."""
    need("federate", EXTRA, "federated")
    if options.out.exists():
        raise ValueError(f"{options.out} already exists. Nothing was done. Choose another --out")
    if options.noise and not options.clip:
        raise ValueError(
            "--noise is a multiple of --clip, which is missing. Nothing was done. Give both"
        )
    if options.clip and options.strategy == "momentum":
        raise ValueError(
            "--clip does not work with --strategy momentum, which would forget the noise of a "
            "round. Nothing was done. Choose another --strategy"
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
    show_outcome(options, own["model"])


def parts_in(folder: Path) -> list[Path]:
    """The files of the members, one each; all of them are read before anybody trains."""
    parts = sorted(path for path in folder.iterdir() if path.is_file())
    if len(parts) < 2:
        raise ValueError(
            f"{folder} contains {len(parts)} data sets, but a group has at least two members. "
            "Nothing was done. Add a file for each member"
        )
    for part in parts:
        DataSet(part)
    return parts


def show_outcome(options: Any, model: str) -> None:
    """Show the outcome in one line and one object."""
    figures = json.loads((options.out / "rounds.json").read_text("utf-8"))
    found = figures["result"]
    examples = sum(one["num-examples"] for one in found)
    loss = sum(one["loss_received"] * one["num-examples"] for one in found) / max(examples, 1)
    refused = sum(one["refused"] for one in found)
    down, up = (sum(r[way] for r in figures["rounds"]) for way in ("bytes_down", "bytes_up"))
    line = (
        f"wrote {options.out}: {loss:.3f} nats a token on the members' held-out parts, refused by "
        f"{refused} of {len(found)} members; {down / 1e6:.1f} MB sent, {up / 1e6:.1f} MB received. "
        f"Use it with `oneseek adopt {options.out} --model {model} --out DIR`"
    )
    show(options, figures | {"path": str(options.out), "loss": loss, "refused": refused}, line)
