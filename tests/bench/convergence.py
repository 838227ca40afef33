"""Measures after how many examples a training run converges: the held-out loss along the run.

`python3 build.py bench convergence`, with the demo model: seconds. `--model smollm2-135m` takes an
hour on two cores. The run has converged where the loss is within a twentieth of its whole fall of
its minimum, and stays there; the figure promised is 100 to 500 examples.
"""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from oneseek.engine.core.settings import DATA_PRESETS, for_data
from oneseek.engine.learning.batch import Coder
from oneseek.engine.learning.datasets import DataSet, data_set_record
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.open import model_named
from tests.bench import data

PROMISED = (100, 500)
LEFT = 0.05  # share of the fall of the loss
Curve = list[tuple[int, float]]  # examples seen, held-out loss


def find_convergence(curve: Curve) -> int:
    """Examples seen until the loss stays within LEFT of its fall from its minimum."""
    lowest = min(loss for _, loss in curve)
    near = lowest + LEFT * (curve[0][1] - lowest)
    beyond = [place for place, (_, loss) in enumerate(curve) if loss > near]
    return curve[min(beyond[-1] + 1, len(curve) - 1) if beyond else 0][0]


async def curve_of(model, path: Path, held: list, seed: int, given: argparse.Namespace) -> Curve:
    """The held-out loss along a run by the default recipe without early stopping."""
    from oneseek.engine.cli.session import Session

    record = data_set_record(path)
    config = for_data(DATA_PRESETS[0], model.config.parameters, record["examples"]).replace(
        seed=seed, epochs=100, confidence_auto_stop={"enabled": False},
        max_steps=-(-given.examples // given.batch), batch_size=given.batch,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        session = await Session.open(Path(folder), model, config)
        try:
            attempt = await session.open_round(record)
            trainer = attempt.trainer

            async def loss() -> float:
                flat, _, _ = await trainer.candidate.look()
                trainer.variants.put("candidate", flat)
                return round(await trainer.variants.loss("candidate", held), 4)

            seen, curve = 0, [(0, await loss())]
            while seen < given.examples and await attempt.advance(float("inf")) is not None:
                seen += given.batch
                if seen % given.every < given.batch:
                    curve.append((seen, await loss()))
            return curve
        finally:
            await session.close()


async def measure(given: argparse.Namespace) -> dict:
    model = await model_named(given.model, given.backend)
    pairs, apart = data.SETS[given.set]()
    coder = Coder(model.tokenizer, model.template)
    with tempfile.TemporaryDirectory() as name:
        path, kept = Path(name, "train.jsonl"), Path(name, "held.jsonl")
        path.write_text(data.lines(pairs), "utf-8")
        kept.write_text(data.lines(apart), "utf-8")
        held = [row_of(example, coder) for example in DataSet(kept)]
        curves = [await curve_of(model, path, held, seed, given) for seed in range(given.seeds)]
    found = [find_convergence(curve) for curve in curves]
    return {
        "model": given.model, "set": given.set, "different_examples": len(pairs),
        "converged_after_examples": found, "promised": PROMISED,
        "kept": max(found) <= PROMISED[1],
        "curves": curves,
    }  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", default="tiny")
    ask.add_argument("--backend", default="auto")
    ask.add_argument("--set", choices=data.SETS, default="style")
    ask.add_argument("--examples", type=int, default=800, help="examples a run sees")
    ask.add_argument("--every", type=int, default=40, help="examples between two points")
    ask.add_argument("--batch", type=int, default=4, help="batch size")
    ask.add_argument("--seeds", type=int, default=2)
    print(json.dumps(asyncio.run(measure(ask.parse_args()))))


if __name__ == "__main__":
    main()
