"""Trains the reader, the encoder's lower six layers with LoRA, norms, biases and four heads.

    python -m tests.golden.tune_reader      (torch, transformers; minutes on a graphics chip)

It is trained as a classifier and a bi-encoder of single texts: a text states something of the
person's own, asks for it, or neither; a question lies near the statement that answers it.  As a
cross-encoder of pairs it predicts whether a statement answers a question (head `pair`), whether a
message takes back the one before it (`change`), and which of several earlier statements a later one
replaces (`replaces`).  The examples are those of tests/golden/statements and the facts of
tests/bench/weigh.py in the first person.  `--judge` prints, for the development questions that are
not trained on, how often the right statement is retrieved, scores highest, and does so above the
thresholds that 7, 15 and 25 % of the hard negatives exceed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from builder import encoder as carrier
from builder import fetch
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.lessons import anchors
from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID, Encoder
from oneseek.engine.learning.memory.statements.reader import ALONE, ANSWERING, ASKED
from oneseek.engine.model.formats.source import BytesSource
from tests.bench.parts import report
from tests.bench.weigh import facts_of, general
from tests.golden.judging import Judge
from tests.golden.make_encoder import bert_of, ours
from tests.golden.statements import CODES, Made, Maker
from tests.golden.statements.told import (
    BENCH,
    LEARNED,
    Told,
    Voices,
    load_advice_questions,
    load_signed,
    load_training_lines,
    of_documents,
)

LAYERS, RANK, SCALE = 6, 16, 2.0  # RANK and SCALE of the LoRA
STEPS, RATE, WARM, OFTEN = 600, 6e-4, 20, 50  # WARM: warm-up steps; OFTEN: steps between writes
VOICES, FAMILIES, FACTS, CHANGES = 11, 1, 1, 3  # examples of each source in a batch
DOCUMENTS = 4  # sentences and table rows of documents in a batch
GENERAL, NOTHING = 3, 5  # texts of class NEITHER in a batch: general questions, others
MINED, CLOSE = 0.7, 10  # chance of a mined negative for a question; candidates it is drawn from
SAME = 0.9  # cosine from which two questions may ask for the same
BLOCK, AMONG = 256, 200  # questions compared at once; nearest statements that CLOSE are chosen from
ALSO = {"en": ("also ", "oh and ", "and ", ""), "sv": ("också ", "och ", "förresten ", "")}
NEAREST = 2  # earlier statements near a change that are its negatives in a batch
RIVALS = 4  # near statements that a change does not replace, for the head `replaces`
WEIGHT = 3.0  # weight of positives in the loss of the head `replaces`
SETTLED, PASSES = 80, 400  # batches that `kind` and `change` are refitted on; gradient steps
SHORT = 3  # short statements in a batch, and as many short texts that state nothing
UNTOLD = 0.4  # chance that a statement is paired with a question that nothing answers
TOGETHER = 16  # texts or pairs of a forward pass
READY = 8  # batches that each worker process prefetches
TEMPERATURE = 0.05
# Elsewhere products in float32 are faster.
HALVES = torch.cuda.is_available() or torch.cpu.get_capabilities().get("amx_tile", False)
STATES, ASKS, NEITHER = range(3)
SWAP = {
    "en": [("You are", "I am"), ("you are", "I am"), ("Your", "My"), ("your", "my"), ("You", "I"),
           ("you", "I")],
    "sv": [("Din", "Min"), ("din", "min"), ("Ditt", "Mitt"), ("ditt", "mitt"), ("Dina", "Mina"),
           ("dina", "mina"), ("Du", "Jag"), ("du", "jag"), ("dig", "mig"), ("Er", "Vår"),
           ("er", "vår"), ("era", "våra")],
}  # fmt: skip


def as_said(answer: str, code: str) -> str:
    for old, new in SWAP[code]:
        answer = re.sub(rf"\b{old}\b", new, answer)
    return answer


class Added(nn.Module):
    """A linear map of the encoder with a LoRA beside it."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        if HALVES:
            linear.weight.data = linear.weight.data.bfloat16()  # as autocast computes it
        self.a = nn.Parameter(torch.randn(rank, linear.in_features) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + SCALE * F.linear(F.linear(x, self.a), self.b)


def add_to(layer: nn.Module, rank: int) -> None:
    """Put a LoRA of this rank beside each linear map of a layer."""
    attention = layer.attention
    places = (attention.self, "query key value"), (attention.output, "dense"), (
        layer.intermediate, "dense"), (layer.output, "dense")  # fmt: skip
    for part, names in places:
        for name in names.split():
            setattr(part, name, Added(getattr(part, name), rank))


class Rows:
    """Tokenises texts and pairs of texts."""

    def __init__(self, words: Encoder) -> None:
        self.words, self.encode = words.words, functools.lru_cache(100_000)(words.words.encode)
        self.begin, self.end = words.before[0], words.end

    def alone(self, text: str) -> list[int]:
        return [self.begin, *self.encode(text)[:ALONE], self.end]

    def encode_with_prefix(self, text: str, before: str) -> list[int]:
        return [self.begin, *self.encode(before), *self.encode(text)[:ALONE], self.end]

    def together(self, question: str, said: str) -> list[int]:
        asked, answering = self.encode(question)[:ASKED], self.encode(said)[:ANSWERING]
        return [self.begin, *asked, self.end, self.end, *answering, self.end]


class Reader(nn.Module):
    def __init__(self, bert: nn.Module, words: Encoder) -> None:
        super().__init__()
        self.words = words
        bert.encoder.layer = bert.encoder.layer[:LAYERS]
        for weight in bert.parameters():
            weight.requires_grad_(weight.dim() == 1)
        for layer in bert.encoder.layer:
            add_to(layer, RANK)
        self.bert = bert
        self.kind = nn.Linear(bert.config.hidden_size, 3)
        self.pair = nn.Linear(bert.config.hidden_size, 1)
        self.change = nn.Linear(bert.config.hidden_size, 1)
        self.replaces = nn.Linear(bert.config.hidden_size, 1)

    def states(self, rows: list[list[int]]) -> torch.Tensor:
        """The mean hidden state of each row, [rows, width]; rows of like length share a batch."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        parts = [order[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
        read = torch.cat([means(self.bert, [rows[i] for i in part]) for part in parts])
        return read[torch.tensor(order).argsort().to(read.device)]


def means(bert: nn.Module, rows: list[list[int]]) -> torch.Tensor:
    """The mean hidden state of each row, [rows, width], in one forward pass."""
    ids, mask = torch.ones(2, len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, len(row) :] = torch.tensor(row), 0
    ids, mask = ids.to(bert.device), mask.to(bert.device)
    with torch.autocast(bert.device.type, torch.bfloat16, HALVES):
        states = bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    states = states * mask[:, :, None]
    return states.sum(1) / mask.sum(1, keepdim=True)


class Examples:
    """Draws the examples of a batch."""

    def __init__(self, seed: int, near: dict[str, list[str]]) -> None:
        self.maker, self.draw, self.voices = Maker(seed), Random(seed), Voices(seed)
        self.near = near
        self.facts = [
            fact | {"said": as_said(fact["answer"], fact["language"])} for fact in facts_of()
        ]
        self.general = [q for code in CODES for q in general(code)]
        self.general += [q for code in CODES for _, q in anchors(code)]
        self.advice = load_advice_questions()
        self.unknown = [one["q"] for one in load_training_lines("_unknown")]
        self.short, self.empty = load_signed("short", "+"), load_signed("short", "-")
        self.nothing = [one["text"] for one in load_training_lines("_nothing")] + load_signed(
            "messages", "-"
        )
        self.documents = of_documents()

    def statements(self) -> list[tuple[str, str, list[Made], list[Made]]]:
        """(language, statement, its pairs, mined negative pairs) for each statement of a batch."""
        found, draw = [], self.draw
        for i, one in self.voices.some(VOICES):
            some = draw.sample(one.asked, min(2, len(one.asked)))
            near = [self.beside(q, one.code) for q in some if draw.random() < MINED]
            found.append((one.code, *self.of_a_voice(i, one), [one for one in near if one]))
        for family in draw.sample(self.maker.families, FAMILIES):
            found.append((family.code, *self.maker.family(family), []))
        for fact in draw.sample(self.facts, FACTS):
            said = self.maker.as_typed(fact["said"].rstrip("."), fact["language"])
            asked = [fact["question"], *fact.get("unseen", [])]
            made = [Made(said, q, True) for q in draw.sample(asked, min(3, len(asked)))]
            wrong = [*fact.get("leak", []), *fact.get("far", [])]
            made += [Made(said, q, False) for q in draw.sample(wrong, min(3, len(wrong)))]
            found.append((fact["language"], said, made, []))
        return found

    def of_a_voice(self, i: int, one: Told) -> tuple[str, list[Made]]:
        voices, draw = self.voices, self.draw
        said = self.maker.as_typed(one.said, one.code) if draw.random() < 0.2 else (
            voices.vary_statement(one.said))  # fmt: skip
        made = [Made(said, voices.vary_question(q, one.code), True) for q in one.asked]
        wrong = list(one.alike)
        if other := voices.of_another(draw.choice(one.asked), one):
            wrong.append(other)
        made += [Made(said, voices.vary_question(q, one.code), False) for q in wrong]
        asked = draw.choice(one.asked)
        if near := voices.near(asked, i):
            made.append(Made(near, voices.vary_question(asked, one.code), False))
        return said, made

    def beside(self, question: str, code: str) -> Made | None:
        """A mined negative: a question with a near statement of others that does not answer it."""
        if not (near := self.near.get(question)):
            return None
        said, asked = self.draw.choice(near), self.voices.vary_question(question, code)
        return Made(self.voices.vary_statement(said), asked, False)

    def step(
        self,
    ) -> tuple[list[Made], list[tuple[str, int]], list[tuple[int, int]], list[Made]]:
        """One batch: question-statement pairs; texts with their classes; (index of a question,
        index of its answer) in these texts; pairs of a message and the one before it."""
        draw, statements = self.draw, self.statements()
        pairs, texts, finds = [], [], []
        for i, (code, said, made, near) in enumerate(statements):
            pairs += near
            right = [one for one in made if one.answers]
            wrong = [one for one in made if not one.answers]
            pairs += draw.sample(wrong, min(2 + (draw.random() < 0.5), len(wrong)))
            texts.append((said, STATES))
            if not right:
                continue
            some = draw.sample(right, min(2, len(right)))
            pairs += some
            if draw.random() < 0.3:
                other = draw.choice([one[1] for j, one in enumerate(statements) if j != i])
                pairs.append(Made(other, some[0].question, False))
            finds.append((len(texts), len(texts) - 1))
            texts.append((some[0].question, ASKS))
            if draw.random() < UNTOLD:
                untold = (
                    self.maker.of_nothing(code)
                    if draw.random() < 0.6
                    else draw.choice(self.unknown)
                )
                near_it = self.beside(untold, code) if draw.random() < MINED else None
                pairs.append(near_it or Made(said, untold, False))
                texts.append((untold, ASKS))
        pairs += self.of_documents()
        for _ in range(GENERAL):
            question = draw.choice(self.advice if draw.random() < 0.5 else self.general)
            texts.append((self.voices.vary_question(question, "en"), NEITHER))
            if draw.random() < 0.4:
                near_it = self.beside(question, "en") if draw.random() < MINED else None
                pairs.append(near_it or Made(draw.choice(statements)[1], question, False))
        texts += [
            (self.maker.as_typed(one, "en"), STATES) for one in draw.sample(self.short, SHORT)
        ]
        texts += [
            (self.maker.as_typed(one, "en"), NEITHER) for one in draw.sample(self.empty, SHORT)
        ]
        for _ in range(NOTHING):
            text = draw.choice(self.nothing) if draw.random() < 0.2 else self.maker.other()[1]
            texts.append((text, NEITHER))
            if draw.random() < 0.15:
                pairs.append(Made(draw.choice(statements)[1], text, False))
        return pairs, texts, finds, self.changes()

    def of_documents(self) -> list[Made]:
        """Pairs of document sentences and table rows: with two of their questions, two hard
        negatives and a question of another one."""
        voices, draw, made = self.voices, self.draw, []
        some = draw.sample(self.documents, DOCUMENTS)
        for one, other in zip(some, [*some[1:], some[0]], strict=True):
            for q in draw.sample(one.asked, min(2, len(one.asked))):
                made.append(Made(one.said, voices.vary_question(q, one.code), True))
            for q in [*draw.sample(one.alike, min(2, len(one.alike))), draw.choice(other.asked)]:
                made.append(Made(one.said, voices.vary_question(q, one.code), False))
        return made

    def changes(self) -> list[Made]:
        """Pairs of a message and the one before it, labelled by whether it takes that one back."""
        voices, draw, found = self.voices, self.draw, []
        for one in draw.sample(voices.changes, CHANGES):
            found.append(
                Made(voices.vary_statement(one.said), voices.vary_statement(one.before), True)
            )
            rivals = self.near.get(one.said, [])
            for earlier in draw.sample(rivals, min(NEAREST, len(rivals))):
                found.append(
                    Made(voices.vary_statement(one.said), voices.vary_statement(earlier), False)
                )
            before, other = draw.sample(voices.told, 2)
            also = draw.choice(ALSO[other.code]) if draw.random() < 0.3 else ""
            found.append(Made(also + voices.vary_statement(other.said), one.before, False))
            goes_on = re.split(r"(?<=[.!]) ", before.said)
            if len(goes_on) > 1 and before not in voices.taken_back:
                found.append(Made(voices.vary_statement(goes_on[1]), goes_on[0], False))
            earlier, more = draw.choice(voices.beside)
            found.append(Made(voices.vary_statement(more), earlier, False))
            no_news = draw.choice([draw.choice(before.asked), draw.choice(self.empty)])
            found.append(
                Made(voices.vary_statement(no_news), draw.choice([before.said, one.before]), False)
            )
            short, more = draw.sample(self.short, 2)
            found.append(Made(draw.choice(ALSO["en"]) + more, short, False))
        return found


class Ahead(torch.utils.data.IterableDataset):
    """Batches as rows of tokens, made in worker processes."""

    def __init__(self, model: Reader, near: dict[str, list[str]]) -> None:
        self.words, self.near = model.words, near

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        examples = Examples(worker.id if worker else 0, self.near)
        rows = Rows(self.words)
        while True:
            pairs, texts, finds, changes = examples.step()
            yield (
                [rows.together(one.question, one.said) for one in pairs],
                [float(one.answers) for one in pairs],
                [rows.alone(text) for text, _ in texts],
                [kind for _, kind in texts],
                finds,
                [rows.together(one.question, one.said) for one in changes],
                [float(one.answers) for one in changes],
            )


def nearest(bert: nn.Module, words: Encoder, whole: bool = False) -> dict[str, list[str]]:
    """Mines hard negatives: for each question, and each message that takes another back, the CLOSE
    statements that the published encoder finds nearest, less the own one and those with a question
    of cosine SAME or more."""
    voices, rows = Voices(0, whole), Rows(words)
    said = directions(bert, [rows.encode_with_prefix(one.said, BEFORE_SAID) for one in voices.told])
    asked = [(q, i) for i, one in enumerate(voices.told) for q in one.asked]
    untold = [q for code in CODES for q in Maker(0).unknown[code]] + load_advice_questions(whole)
    every = [(q, -1) for q in untold + [one["q"] for one in load_training_lines("_unknown", whole)]]
    first = len(voices.told) - len(voices.taken_back)
    every += [(one.said, first + i) for i, one in enumerate(voices.changes)]
    meant = directions(bert, [rows.encode_with_prefix(q, BEFORE) for q, _ in asked + every])
    owners, found = np.array([i for _, i in asked]), {}
    for at in range(0, len(meant), BLOCK):
        block = meant[at : at + BLOCK]
        likes, nears = block @ meant[: len(asked)].T >= SAME, block @ said.T
        some = np.argpartition(-nears, AMONG)[:, :AMONG]
        for row, (question, own) in enumerate((asked + every)[at : at + BLOCK]):
            same = set(owners[likes[row]].tolist()) | {own}
            order = some[row][np.argsort(-nears[row, some[row]])].tolist()
            best = (i for i in order if i not in same)
            found[question] = [voices.told[i].said for i in itertools.islice(best, CLOSE)]
    return found


def directions(bert: nn.Module, rows: list[list[int]]) -> np.ndarray:
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = np.zeros((len(rows), bert.config.hidden_size), np.float32)
    for at in range(0, len(rows), TOGETHER):
        part = order[at : at + TOGETHER]
        with torch.no_grad():
            whole = F.normalize(means(bert, [rows[i] for i in part]), dim=-1)
        found[part] = whole.float().cpu().numpy()
    return found


def tune(
    model: Reader,
    near: dict[str, list[str]],
    steps: int,
    minutes: float,
    rate: float,
    to: Path,
    processes: int,
) -> None:
    """Train until `steps` or `minutes` are over; write the weights to `to` every OFTEN steps."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # several wait for each other where other processes use the cores
    torch.set_float32_matmul_precision("high")
    more = {"prefetch_factor": READY} if processes else {}
    ahead = Ahead(model, near)
    made = torch.utils.data.DataLoader(ahead, batch_size=None, num_workers=processes, **more)
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.01)
    began, seen = time.time(), []

    def over(step: int) -> float:
        return max(step / steps, (time.time() - began) / 60 / minutes)

    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / WARM) * max(0.02, 1 - over(step))
    )
    for step, one in zip(range(steps), made, strict=False):
        if over(step) >= 1:
            break
        pairs, wanted, texts, of_kind, finds, changes, changed = one
        answers = whether(model.pair(model.states(pairs))[:, 0], wanted)
        behind = model.states(changes)
        takes = whether(model.change(behind)[:, 0], changed)
        takes = takes + whether(model.replaces(behind)[:, 0], changed, WEIGHT)
        read = model.states(texts)
        kinds = torch.tensor(of_kind, device=read.device)
        kind = F.cross_entropy(model.kind(read), kinds)
        whole = F.normalize(read, dim=-1)
        asked, said = (whole[[pair[end] for pair in finds]] for end in (0, 1))
        near, place = asked @ said.T / TEMPERATURE, torch.arange(len(finds), device=read.device)
        found = (F.cross_entropy(near, place) + F.cross_entropy(near.T, place)) / 2
        loss = answers + 0.5 * kind + 0.3 * found + 0.3 * takes
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        pace.step()
        seen.append(torch.stack([answers, kind, found, takes]).detach())
        if step % 10 == 9:
            losses = [round(float(x), 4) for x in torch.stack(seen[-10:]).mean(0)]
            report.say({"step": step + 1, "answers, kind, found, takes back": losses,
                        "s": round(time.time() - began)})  # fmt: skip
        if step % OFTEN == OFTEN - 1:
            to.write_bytes(pack_model(model))


def whether(nats: torch.Tensor, wanted: list[float], weight: float = 1.0) -> torch.Tensor:
    """Binary cross-entropy of the logits; positives count `weight` times."""
    truth = torch.tensor(wanted, device=nats.device)
    return F.binary_cross_entropy_with_logits(nats, truth, 1 + (weight - 1) * truth)


def settle(model: Reader, near: dict[str, list[str]]) -> None:
    """Fit the heads `kind` and `change` again on the examples of many batches at once, with all
    other weights frozen."""
    examples, rows = Examples(1, near), Rows(model.words)
    texts: list[tuple[str, int]] = []
    changes: list[Made] = []
    for _ in range(SETTLED):
        _, some, _, _ = examples.step()
        texts += some
        changes += [one for _ in range(4) for one in examples.changes()]
    texts, changes = list(dict.fromkeys(texts)), list(dict.fromkeys(changes))
    with torch.no_grad():
        read = model.states([rows.alone(text) for text, _ in texts])
        behind = model.states([rows.together(one.question, one.said) for one in changes])
    kinds = torch.tensor([kind for _, kind in texts], device=read.device)
    taken = [float(one.answers) for one in changes]
    loss = fit_heads(
        [model.kind, model.change],
        lambda: (
            F.cross_entropy(model.kind(read), kinds) + whether(model.change(behind)[:, 0], taken)
        ),
    )
    right = (model.kind(read).argmax(-1) == kinds).float().mean()
    report.say({"texts": len(texts), "of their kind": round(float(right), 3),
                "changes": len(changes), "loss": round(loss, 4)})  # fmt: skip


def settle_replaces(model: Reader, near: dict[str, list[str]]) -> None:
    """Fit the head `replaces` with all other weights frozen: a change replaces one earlier
    statement, and none of those that lie near it."""
    voices, draw, rows = Voices(1), Random(1), Rows(model.words)
    pairs: list[Made] = []
    for one in voices.changes:
        rivals = near.get(one.said, [])[:RIVALS] + [draw.choice(voices.told).said]
        others = near.get(one.asked[0], [])[:1]  # they may answer the same question
        pairs.append(Made(one.said, one.before, True))
        pairs += [Made(one.said, earlier, False) for earlier in rivals]
        pairs += [Made(later, one.before, False) for later in others]
    pairs += [Made(more, earlier, False) for earlier, more in voices.beside]
    with torch.no_grad():
        read = model.states([rows.together(one.question, one.said) for one in pairs])
    wanted = [float(one.answers) for one in pairs]
    loss = fit_heads([model.replaces], lambda: whether(model.replaces(read)[:, 0], wanted, WEIGHT))
    report.say({"pairs": len(pairs), "loss": round(loss, 4)})


def fit_heads(heads: Sequence[nn.Module], loss: Callable[[], torch.Tensor]) -> float:
    """Train the heads for PASSES steps; return the last loss."""
    learned = [weight for head in heads for weight in head.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=3e-3, weight_decay=0.1)
    for _ in range(PASSES):
        now = loss()
        optimizer.zero_grad()
        now.backward()
        optimizer.step()
    return now.item()


def name_tensor(name: str) -> str:
    """`bert.encoder.layer.3.output.dense.a` -> `said.blk.3.ffn_down.a`."""
    if name.startswith("bert."):
        name = name.removeprefix("bert.").replace(".linear.", ".")
        return "said." + ours(name)
    return f"said.{name}"


def pack_model(model: Reader) -> bytes:
    return pack(collect_tuned(model, name_tensor))


def collect_tuned(model: nn.Module, named: Callable[[str], str]) -> dict[str, torch.Tensor]:
    """The trained weights by their names in the encoder's file, with SCALE folded into LoRA's B."""
    return {
        named(name): (SCALE if name.endswith(".b") and weight.dim() == 2 else 1.0) * weight
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }


def pack(tuned: Mapping[str, torch.Tensor]) -> bytes:
    """Length of the JSON, JSON of names and shapes, then the 16-bit floats in that order."""
    head = json.dumps({name: list(value.shape) for name, value in tuned.items()}).encode()
    halves = (value.detach().cpu().numpy().astype("<f2").tobytes() for value in tuned.values())
    return b"".join([len(head).to_bytes(4, "little"), head, *halves])


def unpack(packed: bytes) -> dict[str, torch.Tensor]:
    size = int.from_bytes(packed[:4], "little")
    shapes, at, tuned = json.loads(packed[4 : 4 + size]), 4 + size, {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        halves = np.frombuffer(packed, "<f2", count, at).reshape(shape)
        tuned[name] = torch.from_numpy(halves.astype(np.float32))
        at += 2 * count
    return tuned


def begin_with(
    model: nn.Module, tuned: Mapping[str, torch.Tensor], named: Callable[[str], str]
) -> None:
    """Load the weights of an earlier run."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and named(name) in tuned:
            scale = SCALE if name.endswith(".b") and weight.dim() == 2 else 1.0
            weight.data = tuned[named(name)] / scale


def judge_reader(model: Reader, bert: nn.Module) -> dict[str, float]:
    """The figures on the development questions that are not trained on."""
    rows, figures = Rows(model.words), {}

    def embed(texts: Sequence[str], before: str) -> np.ndarray:
        return directions(bert, [rows.encode_with_prefix(text, before) for text in texts])

    for name in ("heard_dev", "heard_dev2", *LEARNED, *(f"heard_dev{i}" for i in range(7, 14))):
        part = slice(1, None, 2) if name in LEARNED else slice(None)
        judge = Judge(BENCH / f"{name}.jsonl", embed, part)
        with torch.no_grad():
            states = model.states([rows.together(q, said) for q, said in judge.pairs])
            figures |= judge.figures(model.pair(states)[:, 0].tolist())
    return figures


async def load_published() -> tuple[BytesSource, Encoder]:
    data = fetch.part("encoder/multilingual-e5-small").read_bytes()
    source = BytesSource(carrier.bytes_of(data, None), "published")
    reads = Encoder(lambda: asyncio.sleep(0, source), Numpy())
    await reads.load()
    return source, reads


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--steps", type=int, default=STEPS)
    ask.add_argument("--minutes", type=float, default=math.inf)
    ask.add_argument("--rate", type=float, default=RATE, help="the highest learning rate")
    ask.add_argument("--write", type=Path, default=carrier.READER, help="output file")
    ask.add_argument("--processes", type=int, default=4, help="workers that make batches")
    ask.add_argument(
        "--from", type=Path, dest="before", help="weights of an earlier run to start from"
    )
    ask.add_argument("--judge", action="store_true", help="evaluate at the end")
    options = ask.parse_args()
    source, reads = asyncio.run(load_published())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    near = nearest(bert_of(source), reads)
    model = Reader(bert_of(source).train(), reads)
    if options.before:
        begin_with(model, unpack(options.before.read_bytes()), name_tensor)
    model.to(device)
    if options.steps:
        tune(
            model,
            near,
            options.steps,
            options.minutes,
            options.rate,
            options.write,
            options.processes,
        )
    settle(model, near)
    settle_replaces(model, near)
    options.write.write_bytes(pack_model(model))
    if options.judge:
        report.say(judge_reader(model.eval(), bert_of(source)))


if __name__ == "__main__":
    main()
