"""Measures decoding constrained by a JSON schema: `python3 build.py bench structured [MODEL]`.

It measures the share of 200 schemas (tests/support/schemas.py) whose answers are valid, greedy and
sampled ones by turns, in 120 tokens or as many as the shortest valid text has; and the tokens a
second of a constrained and of a free answer to the same question, the best of five by turns.
"""

import argparse
import asyncio
import json

from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.schema import Grammar
from oneseek.engine.model.generate import BATCHES, Answer, Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.turns import urgent
from tests.bench.parts import report
from tests.bench.talk import load_model
from tests.support.schemas import fits, schemas

TOKENS, LONG, ROUNDS = 120, 96, 5
PEOPLE = {
    "type": "array",
    "minItems": 4,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "city": {"type": "string"},
        },
        "required": ["name", "age", "city"],
    },
}
ASKED = [{"role": "user", "content": "Make up some data, as JSON."}]
PEOPLE_ASKED = [{"role": "user", "content": "Four people with name, age and city, as JSON."}]


async def valid(model: Model, wanted: list[dict]) -> list[dict]:
    generator, rows = Generator(model), []
    for first in range(0, len(wanted), BATCHES[-1]):
        part = wanted[first : first + BATCHES[-1]]
        answers = []
        for i, schema in enumerate(part):
            form = Form(Grammar(schema), model.tokenizer)
            least = len(model.tokenizer.spell(form.text.complete(form.state)))
            sampling = Sampling(0.7 * (i % 2), seed=first + i, max_tokens=max(TOKENS, least))
            answers.append(generator.ask(ASKED, sampling, form=form))
        with urgent():
            await generator.answer_all(answers)
        rows += [
            {"schema": schema, "text": answer.text}
            for answer, schema in zip(answers, part, strict=True)
            if not is_valid(answer, schema)
        ]
        report.say(f"{first + len(part)} of {len(wanted)}, {len(rows)} not valid")
    return rows


def is_valid(answer: Answer, schema: dict) -> bool:
    try:
        return fits(json.loads(answer.text), schema)
    except ValueError:
        return False


async def rates(model: Model, heat: float) -> tuple[float, float]:
    """Tokens a second of a free and of a constrained answer, the best of ROUNDS by turns."""
    best = {False: 0.0, True: 0.0}
    for _ in range(ROUNDS):
        for in_form in best:
            form = Form(Grammar(PEOPLE), model.tokenizer) if in_form else None
            sampling = Sampling(heat, seed=1, max_tokens=LONG)
            generator = Generator(model)
            answer = generator.ask(PEOPLE_ASKED, sampling, form=form)
            with urgent():
                await generator.answer_all([answer])
            best[in_form] = max(best[in_form], answer.tokens_per_second)
    return best[False], best[True]


async def measure(name: str, count: int) -> tuple[dict, list[dict]]:
    model, wanted = await load_model(name), schemas(count)
    wrong = await valid(model, wanted)
    figures = {"schemas": len(wanted), "valid": 1 - len(wrong) / len(wanted)}
    for way, heat in (("greedy", 0.0), ("drawn", 0.7)):
        free, bound = await rates(model, heat)
        figures |= {f"{way}_tokens_per_s": bound, f"{way}_ratio": bound / free}
    return figures, wrong


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("model", nargs="?", default="smollm2-135m")
    ask.add_argument("--schemas", type=int, default=200)
    options = ask.parse_args()
    report.write("structured", *asyncio.run(measure(options.model, options.schemas)))


if __name__ == "__main__":
    main()
