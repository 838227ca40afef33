"""`oneseek micro`: a question and the responses to it, learned in two stages, as a server does
it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from oneseek.engine.cli.options import command, model_options, show, told
from oneseek.engine.cli.session import Session
from oneseek.engine.cli.teaching import (
    Bar,
    configured,
    lines_of,
    loaded,
    out_option,
    session_of,
    settings_options,
)
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.questions.microtrain import MicroTraining
from oneseek.engine.open import clock


def question_options(parser):
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--question", metavar="TEXT", help="what was asked")
    given.add_argument("--data", metavar="FILE", type=Path,
                       help="many: one {question, raw_responses: [{model, response}]} a line")  # fmt: skip
    parser.add_argument("--response", metavar="MODEL=TEXT", nargs="*", default=[],
                        help="what each model answered to --question")  # fmt: skip
    parser.add_argument("--language", default="", help="found in the question where not given")


def questions(options) -> list[dict]:
    if options.data:
        return [line for _, line in lines_of(options.data)]
    responses = []
    for item in options.response:
        model, _, text = item.partition("=")
        responses.append({"model": model, "response": text})
    return [{"question": options.question, "raw_responses": responses}]


@command(model_options, question_options, out_option, settings_options)
def micro(options):
    """Learn from a question and the responses to it, in two stages; the samples are kept in
    --out."""
    asyncio.run(_micro(options))


async def _micro(options):
    asked = questions(options)
    model = await loaded(options)
    async with session_of(
        options, model, configured(options, for_model(model.config.parameters))
    ) as session:
        training = MicroTraining(session.versions, learner(session))
        for one in asked:
            language = one.get("language", options.language)
            responses = one.get("raw_responses", [])
            analyzed = one.get("analyzed_data")
            await training.submit(one.get("question", ""), responses, language, analyzed=analyzed)
        for run in await training.waiting():
            await training.process(run)
            for stage in (1, 2):
                await keep(options, session, f"stage{stage}_{run}")
        await session.save()
    told(f"the adapter is in {options.out}")


def learner(session: Session):
    """How one stage learns: its examples in one lesson."""

    async def learn(examples: list[dict], line: str) -> dict:
        records = [TrainingQueue(clock).add(example) for example in examples]
        new = [one for one in records if not await session.known(one["id"])]
        if not new:
            reason = "learned or refused before"
            return {"outcome": "not learned", "reason": reason, "version": None, "examples": []}
        ended = await session.teach(new, Bar(new[0]["prompt"]))
        return {**ended, "examples": [one["id"] for one in new]}

    return learn


async def keep(options, session: Session, key: str) -> None:
    """A stage's sample as a file, and what became of it on stdout."""
    sample = await session.store.get("samples", key)
    folder = options.out / "samples"
    folder.mkdir(exist_ok=True)
    (folder / f"{key}.json").write_text(json.dumps(sample, ensure_ascii=False, indent=1), "utf-8")
    kept = ("question", "language", "outcome", "reason", "version")
    result = {"stage": key.partition("_")[0], **{name: sample[name] for name in kept}}
    show(options, result, f"{result['stage']}  {sample['question']}  {sample['outcome']}")
