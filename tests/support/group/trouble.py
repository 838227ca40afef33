"""Harmful members: one Flower mod around everything that a member does."""

import json
import sys
import time
from pathlib import Path
from typing import Any

POISON = -10.0  # factor on the update: large enough to undo the others
SLOWEST = 1800


def troubled(kinds: dict[int, str]) -> Any:
    """A mod that does harm by the member's number in a simulation, or by its SuperNode's
    configuration."""

    def mod(message: Any, context: Any, call_next: Any) -> Any:
        own = context.node_config
        kind = own.get("trouble") or kinds.get(int(own.get("partition-id", -1)), "")
        if message.metadata.message_type != "train":
            return call_next(message, context)
        if kind == "dies":
            raise RuntimeError("this member dies")
        if kind in ("slow", "waits"):
            folder = Path(str(own["folder"]))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "asked").touch()
            wait(Path(str(own["until"])))
        reply = call_next(message, context)
        if kind == "poison" and reply.has_content():
            for arrays in reply.content.array_records.values():
                for name, array in list(arrays.items()):
                    arrays[name] = type(array)(POISON * array.numpy())
        return reply

    return mod


def wait(path: Path) -> None:
    """Wait longer than the group's patience: until it has gone on without this member."""
    ends = time.monotonic() + SLOWEST
    while not path.exists() and time.monotonic() < ends:
        time.sleep(1)


def main() -> None:
    """Run a simulation as `oneseek federate` does, with harmful members."""
    from oneseek.engine.with_flower.simulation import simulate

    given = json.loads(sys.argv[1])
    kinds = {int(number): kind for number, kind in given["troubles"].items()}
    simulate([Path(part) for part in given["parts"]], given["own"], [troubled(kinds)])


if __name__ == "__main__":
    main()
