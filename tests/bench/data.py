"""Measures the gain of filtering examples before training: the data have 30 % junk of five kinds,
and the loss on clean held-out text after the same steps is compared with and without the filter.

`python3 build.py bench data`, with the demo model; `--model smollm2-135m` takes hours on two cores.
With `--settings` it measures automatic tuning of the settings instead, on six data sets (`--only`
names some of them), with `--tune` seconds for each.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path

from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.batch import Coder
from oneseek.engine.learning.datasets import DataSet, data_set_record
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.model.demo.corpus import exchanges
from oneseek.engine.open import model_named
from tests.bench.parts import settings

HERE = Path(__file__).parent
FILES = ("facts_dev", "facts_eval", "facts_held", "facts_last")
JUNK = 0.3
HELD = 20  # held-out facts with all their wordings, or held-out exchanges
TRAINED = 160
KINDS = ("repeated", "foreign", "noise", "contradicting", "broken")
FOREIGN = (
    ("Wo steht das Auto?", "Das Auto steht vor dem Haus und es ist nicht mehr ganz neu."),
    ("Wer hat das Brot gekauft?", "Das Brot hat die Frau von nebenan für uns alle gekauft."),
    ("Wann kommt der Zug?", "Der Zug kommt heute nicht, weil auf der Strecke gebaut wird."),
    ("Où est le chat?", "Le chat est dans le jardin avec les enfants de la maison."),
    ("Quand est la fête?", "La fête est ce soir chez nous et tout le monde est le bienvenu."),
)


def make_style_set() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(question, answer) pairs to train on, and held-out ones: what the demo model can say, in a
    style that it does not know."""
    known = [(q, a) for q, a in exchanges() if guess(f"{q} {a}") == "en"]
    random.Random(0).shuffle(known)
    pairs = [(q, f"Well, my friend: {a} Ask me more!") for q, a in known[:TRAINED]]
    return pairs[HELD:], pairs[:HELD]


def of_facts() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(question, answer) pairs to train on, and those of held-out facts."""
    facts = [
        fact
        for name in FILES
        for fact in map(json.loads, (HERE / f"{name}.jsonl").read_text("utf-8").splitlines())
        if fact["language"] == "en"
    ]
    random.Random(0).shuffle(facts)

    def pairs(some: list[dict]) -> list[tuple[str, str]]:
        return [(q, one["answer"]) for one in some for q in (one["question"], *one["unseen"])]

    return pairs(facts[HELD:]), pairs(facts[:HELD])


def junk(kind: str, pairs: list[tuple[str, str]], draw: random.Random) -> tuple[str, str]:
    """One bad example of a kind."""
    question, answer = draw.choice(pairs)
    if kind == "repeated":
        return pairs[draw.randrange(3)]
    if kind == "foreign":
        return draw.choice(FOREIGN)
    if kind == "noise":
        letters = "bcdfghjklmnpqrstvwxz"
        return question, " ".join(
            "".join(draw.choice(letters) for _ in range(draw.randint(3, 9))) for _ in range(8)
        )
    if kind == "contradicting":
        return question, draw.choice([other for _, other in pairs if other != answer])
    return question, draw.choice(("...", f"{answer.split()[0]} " * 20, f"â€œ{answer}Ã¥ â€"))


def mix_in_junk(pairs: list[tuple[str, str]], seed: int) -> tuple[list[tuple[str, str]], set]:
    """Clean and junk pairs in random order, 30 % of them junk; and the set of the junk ones."""
    draw = random.Random(seed)
    count = round(len(pairs) * JUNK / (1 - JUNK))
    bad = [junk(KINDS[n % len(KINDS)], pairs, draw) for n in range(count)]
    together = pairs + bad
    draw.shuffle(together)
    return together, set(bad) - set(pairs)


SETS = {"style": make_style_set, "facts": of_facts}


async def train(
    model, path: Path, held: list, steps: int, skip: bool, seed: int
) -> tuple[float, dict]:
    """The loss on clean held-out pairs after so many steps, and the report on skipped examples."""
    from oneseek.engine.cli.session import Session

    config = for_model(model.config.parameters).replace(
        skip_poor=skip, seed=seed, epochs=100, max_steps=steps,
        validation_split=0.0, confidence_auto_stop={"enabled": False},
        practice={"anchor_rows": 1, "text_rows": 0},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        session = await Session.open(Path(folder), model, config)
        try:
            attempt = await session.open_round(data_set_record(path))
            trainer = attempt.trainer
            while await attempt.advance(float("inf")) is not None:
                pass
            flat, _, _ = await trainer.candidate.look()
            trainer.variants.put("candidate", flat)
            return await trainer.variants.loss("candidate", held), attempt.sifted or {}
        finally:
            await session.close()


def lines(pairs: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"prompt": q, "completion": a}) + "\n" for q, a in pairs)


async def measure(given: argparse.Namespace) -> list[dict]:
    model = await model_named(given.model, given.backend)
    pairs, apart = SETS[given.set]()
    coder = Coder(model.tokenizer, model.template)
    found = []
    with tempfile.TemporaryDirectory() as name:
        path, kept = Path(name, "mixed.jsonl"), Path(name, "held.jsonl")
        kept.write_text(lines(apart), "utf-8")
        held = [row_of(example, coder) for example in DataSet(kept)]
        for seed in range(given.seeds):
            together, _ = mix_in_junk(pairs, seed)
            path.write_text(lines(together), "utf-8")
            everything, _ = await train(model, path, held, given.steps, False, seed)
            sifted, told = await train(model, path, held, given.steps, True, seed)
            row = {"seed": seed, "steps": given.steps, "examples": len(together)}
            row |= {"loss_with_all": round(everything, 4), "loss_without_poor": round(sifted, 4)}
            print(json.dumps(row | told), file=sys.stderr, flush=True)
            found.append(row | told)
    return found


async def compare_settings(given: argparse.Namespace) -> list[dict]:
    model = await model_named(given.model, given.backend)
    return await settings.compare(model, given.only, given.tune)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", default="tiny")
    ask.add_argument("--backend", default="auto")
    ask.add_argument("--steps", type=int, default=60)
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--set", choices=SETS, default="style")
    ask.add_argument("--settings", action="store_true")
    ask.add_argument("--tune", type=float, default=120.0)
    ask.add_argument("--only", nargs="*", choices=settings.SETS, default=list(settings.SETS))
    given = ask.parse_args()
    if given.settings:
        runs = asyncio.run(compare_settings(given))
        print(json.dumps({"model": given.model, "tune_seconds": given.tune, "sets": runs}))
        return
    print(
        json.dumps(
            {
                "model": given.model,
                "set": given.set,
                "junk": JUNK,
                "runs": asyncio.run(measure(given)),
            }
        )
    )


if __name__ == "__main__":
    main()
