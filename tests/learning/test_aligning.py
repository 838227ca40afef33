"""The aligner must match its formulas in 64-bit numpy; and the data it keeps of a text."""

import asyncio
import hashlib

import numpy as np
import pytest

from builder.encoder import ALIGNER, FINDER, READER
from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.learning.memory.aligning import KEPT, LOWER, TERMS, WIDTH, Terms
from oneseek.engine.learning.memory.encoder import (
    BEFORE,
    BEFORE_SAID,
    PUBLISHED,
    Encoder,
    encoder_here,
    unit,
)
from oneseek.engine.learning.memory.recogniser import FOUND
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.memory.statements.statement import StatementEncoding, is_stale, unpack
from tests.support.wasm_host import host

HOMES = {"numpy": Numpy, "wasm": lambda: Wasm(host())}
QUESTION = "Where does my sister Anna live?"
SAID = [
    "my sister Anna moved to Lund",
    "Vi har tre barn: Alma, Sixten och Tyra",
    "the spare keys are with Mrs Okafor " * 6,
]
ASKED = ["Which town is my sibling in?", "vad heter mina ungar?", "who can let us in?"]
WEIGHTS = "norm.weight norm.bias value.weight value.bias key.weight own other both side".split()


def gelu(x):
    return x / (1 + np.exp(-(1.5957691216057308 * x + 0.07135481282553013 * x**3)))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def terms_of(states, w):
    x = states.astype(float)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    x = x * w["norm.weight"] + w["norm.bias"]
    return unit(x @ w["key.weight"].T), gelu(x @ w["value.weight"].T + w["value.bias"])


def nats_of(asked, said, w):
    near, values = w["sharp"] * asked[0] @ said[0].T, (asked[1], said[1])
    parts = []
    for i, scores in enumerate((near, near.T)):
        own, other = values[i], softmax(scores) @ values[1 - i]
        y = gelu(own @ w["own"].T + other @ w["other"].T + own * other @ w["both"].T + w["side"][i])
        parts += [y.mean(0), y.max(0)]
    parts += [values[0].mean(0) * values[1].mean(0), [near.max(-1).mean()]]
    x = gelu(w["pooled.weight"] @ np.concatenate(parts) + w["pooled.bias"])
    return (w["pair.weight"] @ x + w["pair.bias"])[0]


async def load_encoder(executor: Executor, layers: int) -> Encoder:
    """An encoder of the lowest layers only, with the published weights."""
    encoder = Encoder(encoder_here, executor)
    await encoder.load()
    above = tuple(f"{PUBLISHED}blk.{i}." for i in range(layers, encoder.sizes.layers))
    encoder.weights = {name: x for name, x in encoder.weights.items() if not name.startswith(above)}
    encoder._plans = {}  # those of a loaded encoder are of all its layers, and of all tests
    return encoder


def weights_of(encoder):
    """The aligner's weights in 64 bits."""
    arrays = {name: encoder.tensors[f"align.{name}"].array for name in WEIGHTS}
    heads = {name[6:]: x for name, x in encoder.heads.items() if name.startswith("align.")}
    return {name: np.float64(x) for name, x in (arrays | heads).items()}


@pytest.fixture(scope="module")
def wanted():
    """Expected: the terms of the question and the statements, and the nats of each pair."""

    async def read():
        encoder = await load_encoder(Numpy(), LOWER)
        texts = [f"{BEFORE}{QUESTION}", *(f"{BEFORE_SAID}{text}" for text in SAID)]
        begin, end = encoder.before[0], encoder.end
        rows = [[begin, *encoder.words.encode(text), end] for text in texts]
        return weights_of(encoder), await encoder.states(rows, PUBLISHED)

    weights, states = asyncio.run(read())
    terms = [terms_of(x, weights) for x in states]
    return terms, [nats_of(terms[0], one, weights) for one in terms[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("home", HOMES)
def test_what_aligning_says_is_what_the_formulas_say(home, wanted):
    executor: Executor = HOMES[home]()

    async def read():
        reader = Reader(Encoder(encoder_here, executor))
        places = [await reader.locate_question(QUESTION), *await reader.locate_answers(SAID)]
        terms = [one.terms for one in places]
        return terms, await reader.align(terms[0], terms[1:])

    (terms, nats), (wanted_terms, wanted_nats) = asyncio.run(read()), wanted
    for one, (keys, values) in zip(terms, wanted_terms, strict=True):
        assert np.abs(one.keys - keys).max() < 1e-5
        assert np.abs(one.values - values).max() < 1e-5 * np.abs(values).max()
    assert nats == pytest.approx(wanted_nats, abs=1e-5 * max(1, *map(abs, wanted_nats)))


def test_what_is_kept_of_a_text_is_a_byte_a_number_and_close_to_it():
    draw = np.random.default_rng(0)
    terms = Terms(unit(draw.normal(size=(20, WIDTH))), gelu(draw.normal(size=(20, WIDTH))))
    kept = Terms.from_packed(terms.pack())
    assert len(terms.pack()) == 20 * (2 * WIDTH + 4)
    assert np.abs(kept.keys - terms.keys).max() < 0.5 / 127 * 1.01
    assert np.abs(kept.values - terms.values).max() < np.abs(terms.values).max() / 127
    long = Terms(unit(draw.normal(size=(200, WIDTH))), draw.normal(size=(200, WIDTH)))
    assert len(Terms.from_packed(long.pack())) == KEPT


def test_terms_are_named_after_the_aligner_that_made_them():
    made_by = hashlib.sha256(ALIGNER.read_bytes()).hexdigest()
    assert TERMS == f"terms/{made_by[:8]}"
    draw = np.random.default_rng(0)
    terms = Terms(unit(draw.normal(size=(3, WIDTH))), draw.normal(size=(3, WIDTH))).pack()
    kept = StatementEncoding(np.zeros(4, np.float32), terms).pack()
    assert unpack(kept).terms == terms
    of_another = {f"another {name}" if name == TERMS else name: x for name, x in kept.items()}
    assert unpack(of_another).terms == b""


def test_directions_are_named_after_the_maps_that_made_them_and_others_are_made_again():
    made_by = hashlib.sha256(FINDER.read_bytes() + READER.read_bytes()).hexdigest()
    assert FOUND == f"found/{made_by[:8]}"
    kept = StatementEncoding(np.zeros(4, np.float32)).pack()
    assert not is_stale(kept)
    assert is_stale(
        {f"found{name[5:-1]}" if name == FOUND else name: x for name, x in kept.items()}
    )
    assert is_stale({"found" if name == FOUND else name: x for name, x in kept.items()})


@pytest.mark.slow
def test_a_question_in_other_words_lies_nearest_to_what_answers_it():
    async def read():
        reader = Reader(Encoder(encoder_here, Numpy()))
        said = await reader.locate_answers(SAID)
        return [((await reader.locate_question(q)).whole, said) for q in ASKED]

    for right, (asked, said) in enumerate(asyncio.run(read())):
        assert np.argmax([one.whole @ asked for one in said]) == right
