"""`oneseek eval`: what an adapter knows, confuses and has forgotten, and how right each one's
answers are.

In a folder that also knows facts by heart, the base alone, its memory, its version and both
together are asked the same questions.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path

from oneseek.engine.cli.options import COMMANDS, command, log, model_options, show
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import STORE
from oneseek.engine.cli.teaching import lines_of, load_model
from oneseek.engine.core.collecting.quality import answers_of
from oneseek.engine.core.conversation import MEMORY
from oneseek.engine.core.settings import for_model
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.versions import behind
from oneseek.engine.learner import BASE
from oneseek.engine.learning.datasets import DataSet
from oneseek.engine.learning.lessons import guess, probes
from oneseek.engine.learning.memory.speaking import BASE as BASE_ALONE
from oneseek.engine.learning.memory.speaking import VERSION
from oneseek.engine.learning.probe import CandidateModel, measure, score_answers
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.learning.rounds.gate import LOST
from oneseek.engine.learning.rounds.sifting import join_history, qualities, summary
from oneseek.engine.learning.rounds.variants import Variant
from oneseek.engine.learning.rounds.verdict import SCALE
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.adapters import WEIGHTS, load_adapter
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.trainable import Trained

BOTH = "both"


def eval_options(parser):
    parser.add_argument("--lessons", metavar="FILE", type=Path,
                        help="facts, one {question, answer, unseen?, leak?} per line; unseen: "
                        "other wordings; leak: similar questions that must not get the answer")  # fmt: skip
    parser.add_argument(
        "--data", metavar="FILE", type=Path, help="a data set to measure the loss on"
    )


def evaluate(options):
    """Measure what an adapter knows, confuses and has forgotten, or its loss on a data set. A
    folder with a memory is also measured by parts: base model, memory, both."""
    if not options.lessons and not options.data:
        raise ValueError(
            "there is nothing to measure. Name facts with --lessons or a data set with --data"
        )
    asyncio.run(_evaluate(options))


async def _evaluate(options):
    model = await load_model(options)
    config = for_model(model.config.parameters)
    trained, flat = Trained.from_training(model.config, config), None
    folder = Path(options.adapter) if options.adapter else None
    if folder and not only_remembers(folder):
        trained, flat = load_adapter(folder, model.config)
    trainer = RoundTrainer(model, trained, config)
    flat = trainer.fresh()[trained.name] if flat is None else flat
    candidate, figures = CandidateModel(trainer.variants, flat), {}
    if options.lessons:
        records = [record for _, record in lines_of(options.lessons)]
        code = guess(" ".join(record["question"] for record in records))
        figures |= await measure(candidate, trainer.coder, records, code)
        if folder and (folder / STORE).exists():
            async with assistant_of(folder, model) as assistant:
                others = {
                    who: await judge(assistant, who, trainer, records, code)
                    for who in (BASE_ALONE, MEMORY, BOTH)
                }
            version = {name: figures[name] for name in others[BOTH]}
            figures["by"] = others | {VERSION: version}
    if options.data:
        for name, who in (("loss", Variant.CANDIDATE), ("loss_of_base", Variant.BASE)):
            rows = (row_of(example, trainer.coder) for example in DataSet(options.data))
            figures[name] = await trainer.variants.loss(who, rows)
    by = figures.get("by", {})
    lines = [f"{name}: {value}" for name, value in figures.items() if name not in ("wrong", "by")]
    lines += [f"{who}: {said}" for who, said in by.items()]
    show(options, figures, "\n".join(lines))


def only_remembers(folder: Path) -> bool:
    """Whether facts were told, and nothing was trained yet."""
    return (folder / STORE).exists() and not (folder / WEIGHTS).exists()


async def judge(assistant, who, trainer, records, code) -> dict:
    asked = Asked(assistant, who, trainer.variants)
    figures, _ = await score_answers(asked, trainer.coder, records, probes(code))
    return figures


ALONE = """\
Measured: other answers move by KL {kl:.3f} on average and keep {same:.0%} of their likeliest words,
plain text becomes {change:.1%} {direction} to predict; known facts that are lost: {lost:g}."""


async def alone(options) -> str:
    """What an adapter that was made behind a memory is without it, in words; empty for any
    other."""
    folder = Path(options.adapter)
    if not (folder / STORE).exists():
        return ""
    model = await load_model(options)
    async with assistant_of(folder, model) as assistant:
        record = await assistant.versions.current()
        if not record or not behind(record):
            return ""
    trained, flat = load_adapter(folder, model.config)
    config = for_model(model.config.parameters)
    trainer = RoundTrainer(model, trained, config)
    for who in (Variant.ACTIVE, Variant.CANDIDATE):
        trainer.variants.put(who, flat)
    gate = trainer.gate(Recipe([], [], config, 0))
    measures = [await gate.probes(), *await gate.drift(SCALE), await gate.perplexity()]
    return describe_measures({one.name: one.value for one in measures})


def describe_measures(found: dict[str, float]) -> str:
    """The gate's measures in words."""
    change = found["perplexity change"]
    return ALONE.format(
        kl=found["KL, mean"], same=found["top-1 agreement"], change=abs(change),
        direction="harder" if change > 0 else "easier", lost=found[LOST],
    )  # fmt: skip


class Asked:
    """The base, the memory or both, asked like a person asks: greedily, each question in its own
    chat."""

    def __init__(self, assistant, who, variants):
        self.assistant, self.who, self.variants = assistant, who, variants

    async def go_on(self, prompts, tokens):
        return await self.variants.go_on(Variant.BASE, prompts, tokens)

    async def replies(self, questions, tokens):
        sampling = Sampling(max_tokens=tokens)
        return [await self.reply(question, sampling) for question in questions]

    async def reply(self, question, sampling):
        said = [{"role": "user", "content": question}]
        if self.who == BOTH:
            answer, _ = await self.assistant.answer(said, sampling, self.who)
        elif self.who == BASE_ALONE:
            answer, _ = await self.assistant.answer(said, sampling, self.who, version=BASE)
        else:
            answer = await self.by_heart(said, sampling)
        return answer.text

    async def by_heart(self, said, sampling):
        """The answer of the base with what it was told, and no version behind."""
        mind = self.assistant.mind
        speaking = await mind.decide_answer(BASE, said[0]["content"])
        answer = self.assistant.base.ask(
            said, sampling, self.who, speaking=speaking, push=speaking.push
        )
        await self.assistant.wait_for_answer(answer)
        return answer


def sift_option(parser):
    parser.add_argument("--data", metavar="FILE", type=Path, required=True,
                        help="the data set to score")  # fmt: skip


@command(model_options, sift_option)
def sift(options):
    """Score the examples of a data set from 0 to 100, with reasons, the poorest first. `train`
    skips the poor ones."""
    asyncio.run(_sift(options))


async def _sift(options):
    data = DataSet(options.data)
    model = await load_model(options)
    config = for_model(model.config.parameters)
    trainer = RoundTrainer(model, Trained.from_training(model.config, config), config)
    examples = list(data)
    found = await qualities(
        examples,
        [row_of(example, trainer.coder) for example in examples],
        partial(trainer.variants.surprise, Variant.BASE),
        await read_learned(options.adapter),
    )
    for number in sorted(range(len(found)), key=lambda n: found[n]["score"]):
        one, example = found[number], examples[number]
        text = " ".join(f"{join_history(example)} {example.answer}".split())
        line = f"{one['score']:>3}  {number + 1:>6}  {text[:60]}  {', '.join(one['why'])}"
        show(options, {"example": number + 1, **one}, line)
    log(json.dumps(summary(found)))


async def read_learned(folder: str | None) -> dict[str, str]:
    """The answers that a folder was taught, by question."""
    if not folder or not (Path(folder) / STORE).exists():
        return {}
    store = SqliteStore(Path(folder) / STORE)
    try:
        learned = [one for _, one in await store.all("examples")]
    finally:
        await store.close()
    return answers_of(learned)


COMMANDS["eval"] = evaluate, (model_options, eval_options)
