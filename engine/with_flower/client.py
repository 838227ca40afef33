"""The ClientApp: one member of a group as Flower calls it, in a simulation and in a deployment.

`model`, `backend`, `data` and `folder` are this machine's own; how the group trains comes with each
message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import fixedclipping_mod
from flwr.supercore.differential_privacy import KEY_CLIPPING_NORM

from oneseek.engine.with_flower.member import Figures, Member, load_model, loop
from oneseek.engine.with_flower.post import ARRAYS, CONFIG, METRICS
from oneseek.engine.with_flower.shared import Arrays

Mod = Callable[[Message, Context, Any], Message]
Asked = Callable[[Member, Arrays], Awaitable[tuple[Arrays | None, Figures]]]


def client_app(given: dict[str, Any], mods: Sequence[Mod] = ()) -> ClientApp:
    """Return the app. `given` holds this machine's settings where no SuperNode says otherwise;
    `mods`, as Flower calls them, wrap everything a member does."""
    app = ClientApp(mods=[*mods, clip])

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return answer(message, here(given, context), train_member)

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        return answer(message, here(given, context), judge_member)

    return app


def here(given: dict[str, Any], context: Context) -> dict[str, Any]:
    """This member's own settings; in a simulation its part of the data is that of its number."""
    own = {**given, **context.run_config, **context.node_config}
    if "parts" in own:
        number = int(own["partition-id"])
        own["data"] = own["parts"][number]
        own["folder"] = str(Path(own["folder"]) / f"member-{number}")
    for name in ("data", "folder"):
        if not own.get(name):
            raise ValueError(f"this member has no {name}; set --node-config '{name}=\"PATH\"'")
    return own


async def train_member(member: Member, given: Arrays) -> tuple[Arrays, Figures]:
    return await member.train(given)


async def judge_member(member: Member, given: Arrays) -> tuple[None, Figures]:
    return None, await member.judge(given)


def answer(message: Message, own: dict[str, Any], asked: Asked) -> Message:
    """Answer one message, as the member whose folder this is."""
    told = dict(message.content[CONFIG])
    model = load_model(own.get("model") or None, own.get("backend") or "auto")
    given = {name: array.numpy() for name, array in message.content[ARRAYS].items()}

    async def open_and_answer() -> tuple[Arrays | None, Figures]:
        member = await Member.open(model, Path(own["folder"]), Path(own["data"]), told)
        return await asked(member, given)

    arrays, figures = loop().run_until_complete(open_and_answer())
    content = RecordDict({METRICS: MetricRecord(figures)})
    if arrays is not None:
        content[ARRAYS] = ArrayRecord({name: Array(array) for name, array in arrays.items()})
    return Message(content=content, reply_to=message)


def clip(message: Message, context: Context, call_next: Any) -> Message:
    """Apply Flower's clipping, in the rounds of a group that has asked for it."""
    if KEY_CLIPPING_NORM in message.content[CONFIG] and message.metadata.message_type == "train":
        return fixedclipping_mod(message, context, call_next)
    return call_next(message, context)
