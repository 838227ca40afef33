"""Runs a whole group on one machine, by Flower's simulation: to try things out, and to measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flwr.simulation import run_simulation

from oneseek.engine.with_flower.client import Mod, client_app
from oneseek.engine.with_flower.server import server_app

ON_LOOPBACK = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
IN_TURN = {"num_cpus": 1}  # the engine of one member uses all the cores there are


def simulate(parts: list[Path], own: dict[str, Any], mods: Sequence[Mod] = ()) -> None:
    """Simulate one member for each part."""
    of_members = {
        "parts": [str(part.resolve()) for part in parts],
        "folder": str(Path(own["out"]) / "members"),
        "model": own["model"],
        "backend": own["backend"],
    }
    run_simulation(
        server_app=server_app(own | {"members": len(parts)}),
        client_app=client_app(of_members, mods),
        num_supernodes=len(parts),
        backend_config={
            "init_args": ON_LOOPBACK | IN_TURN,
            "client_resources": IN_TURN | {"num_gpus": 0.0},
        },
    )
