"""The plan of a round of training, and the interface of whatever trains.

A round is a pure function: same weights before, same plan, same bits after. Exact resume, repair
and forgetting all rest on that, so nothing random, timed or remembered may enter a trainer except
through `Plan`.
"""

import hashlib
import inspect
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict, TypeVar

from oneseek.engine.core import next_work
from oneseek.engine.history.snapshot import Arrays, weights_sha256

LESSON, PRACTICE, TRAINING = next_work.LESSON, next_work.PRACTICE, next_work.TRAINED
IMPORT = "import"  # the kind of a round that trained nothing: an adapter made elsewhere
DATA_SET = "dataset"  # the kind of a record that stands for a whole file
OUTSIDE_SCOPE = "silent"  # in a plan's config, as stores have it: questions that the base answers
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """`lessons` are learned now; `pool` is everything accepted before, in the order it was learned.

    A lesson continues from the weights before, and so does training on a data set, whose one record
    names the file; consolidation starts from the base and mixes the pool.
    """

    kind: str
    lessons: tuple[dict, ...]
    pool: tuple[dict, ...]
    seed: int
    config: dict[str, Any] = field(default_factory=dict)

    def identity(self) -> str:
        """A short hash by which a checkpoint recognises the plan it belongs to."""
        ids = [self.kind, str(self.seed), *ids_of(self.lessons), "/", *ids_of(self.pool)]
        return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


class RoundEnd(TypedDict):
    """The outcome of a round: a version, or why there is none."""

    outcome: str
    reason: str
    version: dict | None
    gate: dict  # what was measured, each figure with its limit
    wrong: list[dict]  # questions still answered wrongly; never stored


class Attempt(Protocol):
    """One round under way, on a candidate of the weights; the chat never sees it."""

    @property
    def steps(self) -> int:
        """How many steps it will take, as far as is known."""

    def advance(self, budget_ms: float) -> dict | None | Awaitable[dict | None]:
        """Train for about this long; metrics {step, loss, learning_rate, grad_norm,
        examples_processed}, or None when the round is complete."""

    def capture(self) -> Arrays | Awaitable[Arrays]:
        """Return everything that `Trainer.resume` needs to continue to the same bits."""

    def weights(self) -> Arrays | Awaitable[Arrays]:
        """The adapter as trained so far."""

    def judge(self) -> dict | Awaitable[dict]:
        """Evaluate the candidate: {accepted, outcome, reason, ...numbers}."""


class Trainer(Protocol):
    def fresh(self) -> Arrays | Awaitable[Arrays]:
        """The adapter before anything was learned: exactly the base model."""

    def begin(self, weights: Arrays, plan: Plan) -> Attempt | Awaitable[Attempt]: ...

    def resume(
        self, weights: Arrays, plan: Plan, captured: Arrays
    ) -> Attempt | Awaitable[Attempt]: ...

    def adopt(self, weights: Arrays, plan: Plan, given: Arrays) -> Attempt | Awaitable[Attempt]:
        """Return an attempt that only evaluates an adapter made elsewhere."""


async def resolve(value: T | Awaitable[T]) -> T:
    """The result, whether the trainer answers at once (native) or later (WebGPU)."""
    return await value if inspect.isawaitable(value) else value


def ids_of(records: Iterable[dict]) -> list[str]:
    return [record["id"] for record in records]


def make_plan(
    kind: str, weights: Arrays, lessons: Iterable[dict], pool: Iterable[dict], config: dict
) -> Plan:
    """Return a plan whose seed follows from the weights and the words, never from a counter or a
    clock: a history that never had an example gives the rounds after it the same seeds as one that
    forgot it."""
    lessons = tuple(lessons)
    text = "\n".join([kind, weights_sha256(weights), *ids_of(lessons)])
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    return Plan(kind, lessons, tuple(pool), seed, dict(config))


def pool_sha256(pool: Iterable[dict]) -> str:
    return hashlib.sha256("\n".join(ids_of(pool)).encode()).hexdigest()
