"""The ServerApp: gathers a group, sends B out, aggregates by the mean or something more robust, and
writes the result as a PEFT folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from logging import INFO
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MessageType, RecordDict
from flwr.common import log
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import (
    DifferentialPrivacyClientSideFixedClipping,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    MultiKrum,
    Strategy,
)

from oneseek.engine.model.adapters import save_peft
from oneseek.engine.with_flower.post import ARRAYS, CONFIG, METRICS, Post
from oneseek.engine.with_flower.shared import Beginning, put_in, take_out

LEAST = 2  # members of a round: fewer are no group
MOMENTUM = 0.7  # of the change of the rounds before
TRIMMED = 0.2  # of the members' values are cut off at each end: one of five
FIGURES = "rounds.json"


def strategy(own: dict[str, Any]) -> Strategy:
    """Return Flower's strategy by name; with Flower's clipping and noise around it where they are
    asked for."""
    members = int(own["members"])
    usual: dict[str, Any] = {
        "min_train_nodes": LEAST,
        "min_available_nodes": LEAST,
        "fraction_evaluate": 0.0,  # members evaluate what they get before they train on it
    }
    made = {
        "momentum": lambda: FedAvgM(**usual, server_momentum=MOMENTUM),
        "average": lambda: FedAvg(**usual),
        "proximal": lambda: FedProx(**usual, proximal_mu=float(own["proximal"])),
        "median": lambda: FedMedian(**usual),
        "trimmed": lambda: FedTrimmedAvg(**usual, beta=TRIMMED),
        "krum": lambda: MultiKrum(
            **usual, num_malicious_nodes=1, num_nodes_to_select=max(1, members - 2)
        ),
    }
    name = own["strategy"]
    if name not in made:
        raise ValueError(f"there is no strategy {name!r}; there are: {', '.join(made)}")
    chosen = made[name]()
    if own["clip"]:
        if name == "momentum":
            raise ValueError(
                "the strategy momentum drops the noise that clipping adds; nothing was started. "
                "Choose the strategy average to clip"
            )
        noise, clip = float(own["noise"]), float(own["clip"])
        return DifferentialPrivacyClientSideFixedClipping(chosen, noise, clip, members)
    if own["noise"]:
        raise ValueError(
            "noise is given as a multiple of clip, which is missing; nothing was started. Give clip"
        )
    return chosen


def server_app(given: dict[str, Any]) -> ServerApp:
    """Return the app; `given` holds where the run's own configuration says nothing."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        gather(grid, {**given, **context.run_config})

    return app


def gather(grid: Grid, own: dict[str, Any]) -> None:
    """Run all rounds, and have the members evaluate the result."""
    out = Path(own["out"])
    earlier = Path(own["adapter"]) if own["adapter"] else None
    begins = Beginning(own["model"] or None, json.loads(own["training"]), earlier)
    chosen = strategy(own)
    post = Post(grid, begins.trained)
    wait_for_members(post, int(own["members"]))
    patience = float(own["patience"])
    result = chosen.start(
        grid=post,
        initial_arrays=record(take_out(begins.trained, begins.flat)),
        num_rounds=int(own["rounds"]),
        timeout=patience,
        train_config=ConfigRecord(dict(begins.told)),
    )
    if not result.arrays:
        write(out, post.rounds, None)
        raise ValueError(
            "no round brought a usable reply; no adapter was written. The log above has the errors "
            "of the members"
        )
    b = {name: array.numpy() for name, array in result.arrays.items()}
    judged = post.send_and_receive(
        make_evaluate_messages(post, result.arrays, begins.told), timeout=patience
    )
    found = [dict(reply.content[METRICS]) for reply in judged if reply.has_content()]
    flat = put_in(begins.trained, begins.flat, b)
    save_peft(out, begins.trained, flat, begins.model, name="OneSeek group")
    write(out, post.rounds, found)
    log(INFO, "wrote %s; `oneseek adopt` evaluates the adapter before it is used", out)


def wait_for_members(grid: Grid, members: int) -> None:
    """Wait until all members are here; those who leave later are not waited for."""
    while (here := len(list(grid.get_node_ids()))) < members:
        log(INFO, "%d of %d members are here", here, members)
        time.sleep(1)


def record(arrays: dict[str, np.ndarray]) -> ArrayRecord:
    return ArrayRecord({name: Array(array) for name, array in arrays.items()})


def make_evaluate_messages(
    grid: Grid, arrays: ArrayRecord, told: dict[str, str]
) -> Iterable[Message]:
    """Return the messages that ask all members to evaluate the result."""
    content = RecordDict({ARRAYS: arrays, CONFIG: ConfigRecord(dict(told))})
    return [
        Message(content=content, message_type=MessageType.EVALUATE, dst_node_id=node)
        for node in grid.get_node_ids()
    ]


def write(out: Path, rounds: list[dict], found: list[dict] | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    told = {"rounds": rounds, "result": found}
    (out / FIGURES).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
