"""`oneseek micro`: a question and the responses to it, learned in two stages, as a server does
it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from oneseek.engine.cli.options import command, log, model_options, show
from oneseek.engine.cli.session import Session
from oneseek.engine.cli.teaching import (
    Bar,
    limit_memory,
    lines_of,
    load_model,
    make_config,
    memory_option,
    session_of,
    settings_options,
)
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.questions.microtrain import STAGES, MicroTraining
from oneseek.engine.open import clock


def question_options(parser):
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--question", metavar="TEXT", help="the question")
    given.add_argument("--data", metavar="FILE|JSON",
                       help="many questions: a list of {question, raw_responses: [{model, "
                       "response}]}, or a file with one per line")  # fmt: skip
    parser.add_argument("--stage", type=int, choices=STAGES,
                        help="1: train on the responses that agree; 2: afterwards, on the result "
                        "of their comparison; default: both")  # fmt: skip
    parser.add_argument("--response", metavar="MODEL=TEXT", nargs="*", default=[],
                        help="a response to --question, for each model")  # fmt: skip
    parser.add_argument(
        "--language", default="", help="the question's language; default: detected from it"
    )


def questions(options) -> list[dict]:
    if options.data and options.data.lstrip()[:1] in ("[", "{"):
        return parse_questions(options.data)
    if options.data:
        return [line for _, line in lines_of(Path(options.data))]
    responses = []
    for item in options.response:
        model, _, text = item.partition("=")
        responses.append({"model": model, "response": text})
    return [{"question": options.question, "raw_responses": responses}]


def parse_questions(text: str) -> list[dict]:
    """The questions that stand on the command line itself."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"--data is neither a file nor JSON: {error}. Nothing was learned"
        ) from None
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in found):
        raise ValueError(
            "--data is not a list of {question, raw_responses: [{model, response}]}. "
            "Nothing was learned"
        )
    return found


def folder_option(parser):
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("micro"),
                        help="the folder for the adapter and the samples; default: micro/")  # fmt: skip


@command(model_options, question_options, folder_option, memory_option, settings_options)
def micro(options):
    """Train on a question and the responses of several models to it, in two stages. The samples are
    stored in --out."""
    asyncio.run(_micro(options))


async def _micro(options):
    asked = questions(options)
    model = await load_model(options)
    config = make_config(options, for_model(model.config.parameters))
    async with session_of(options, model, config, limit_memory(options)) as session:
        training = MicroTraining(session.versions, learner(session))
        stages = (options.stage,) if options.stage else STAGES
        if 1 in stages:
            await submit(options, training, asked)
        else:
            await must_have_begun(session, asked)
        for run in await training.list_waiting():
            begun = await session.store.get("samples", f"stage1_{run}")
            if (2 if begun["state"] == "done" else 1) not in stages:
                continue
            await training.process(run, stages)
            for stage in stages:
                await keep(options, session, f"stage{stage}_{run}")
        await session.save()
    log(f"the adapter is in {options.out}")


async def submit(options, training: MicroTraining, asked: list[dict]) -> None:
    """Store the questions; all of them are checked before the first is learned."""
    for one in asked:
        language = one.get("language", options.language)
        responses, analyzed = one.get("raw_responses", []), one.get("analyzed_data")
        await training.submit(one.get("question", ""), responses, language, analyzed=analyzed)


async def must_have_begun(session: Session, asked: list[dict]) -> None:
    """Refuse questions without a first stage, from which the second goes on."""
    begun = {one["question"] for _, one in await session.store.all("samples")}
    for one in asked:
        if one.get("question") not in begun:
            raise ValueError(
                f"stage 2 needs stage 1, which did not run for {one.get('question')!r}. Nothing "
                "was learned. Run `oneseek micro --stage 1` first"
            )


def learner(session: Session):
    """A function that learns one stage: its examples in one lesson."""

    async def learn(examples: list[dict], line: str) -> dict:
        records = [TrainingQueue(clock).add(example) for example in examples]
        new = [one for one in records if not await session.find_outcome(one["id"])]
        if not new:
            reason = "learned or refused before"
            return {"outcome": "not learned", "reason": reason, "version": None, "examples": []}
        ended = await session.teach(new, Bar(new[0]["prompt"]))
        return {**ended, "examples": [one["id"] for one in new]}

    return learn


async def keep(options, session: Session, key: str) -> None:
    """Write a stage's sample to a file, and its outcome to stdout."""
    sample = await session.store.get("samples", key)
    folder = options.out / "samples"
    folder.mkdir(exist_ok=True)
    (folder / f"{key}.json").write_text(json.dumps(sample, ensure_ascii=False, indent=1), "utf-8")
    kept = ("question", "language", "outcome", "reason", "version")
    result = {"stage": key.partition("_")[0], **{name: sample[name] for name in kept}}
    show(options, result, f"{result['stage']}  {sample['question']}  {sample['outcome']}")
