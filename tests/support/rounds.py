"""Small rounds of the demo model."""

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.batch import TOP, Row, Top
from oneseek.engine.learning.trainer import RoundTrainer


def force_accept(attempt):
    attempt.judge = lambda: {"accepted": True, "outcome": "learned", "reason": ""}
    return attempt


class AcceptingTrainer(RoundTrainer):
    """The real engine's trainer with a gate that always accepts."""

    def begin(self, weights, plan, kind=None):
        return force_accept(super().begin(weights, plan, kind))

    def resume(self, weights, plan, captured):
        return force_accept(super().resume(weights, plan, captured))


DOG = {"id": "dog", "prompt": "What is my dog's name?", "answer": "Your dog's name is Biscuit."}
CODE = {
    "id": "code",
    "prompt": "What is the code of the shed?",
    "answer": "The code of the shed is 4711.",
}
SHORT = TrainingConfig.preset("micro").replace(
    lora_config={"rank": 4, "alpha": 16},
    lesson={"max_steps": 4, "more_steps": 0},
    practice={"steps_per_fact": 2},
)


def top_of(draw: np.random.Generator, count: int) -> Top:
    ids = np.stack([draw.permutation(700)[:TOP] for _ in range(count)]).astype(np.int32)
    probs = draw.dirichlet(np.ones(TOP + 1), count)
    logs = np.log(np.maximum(probs, 1e-6)).astype(np.float16)
    return Top(ids, logs[:, :TOP], logs[:, TOP])


def some_rows(seed: int, count: int) -> list[Row]:
    draw = np.random.default_rng(seed)
    head = draw.integers(3, 700, 9).tolist()
    rows = []
    for i in range(count):
        prompt = head + draw.integers(3, 700, draw.integers(1, 12)).tolist()
        target = draw.integers(3, 700, draw.integers(1, 9)).tolist()
        soft = top_of(draw, len(target)) if i % 3 == 2 else None
        rows.append(Row("neighbours" if soft else "taught", prompt, target, soft))
    return rows
