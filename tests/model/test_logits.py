"""Logits of tiny models of every architecture and stored type, against those of transformers (see
golden/)."""

import asyncio

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from tests.golden import CASES, FOLDER, IDS, POSITIONS
from tests.support import tiny


@pytest.fixture(scope="module")
def golden():
    return np.load(FOLDER / "logits.npz")


def open_variant(variant, kind, container):
    if container == "gguf":
        return open_model(BytesSource(tiny.gguf(variant, kind), "tiny.gguf"))
    files = tiny.folder(variant, kind)
    return open_model({name: BytesSource(data, name) for name, data in files.items()})


@pytest.mark.parametrize("variant,kind,container", CASES)
def test_every_architecture_and_stored_type_gives_transformers_logits(
    golden, variant, kind, container
):
    async def run():
        model = await Model.load(open_variant(variant, kind, container), Numpy())
        return await top_tokens(model, IDS)

    ids, logprobs = asyncio.run(run())
    theirs = golden[f"logits/{variant}/{kind}/{container}"].astype(np.float64)
    theirs -= np.log(np.exp(theirs).sum(-1, keepdims=True))
    ours = logprobs[POSITIONS].astype(np.float64)
    expected = np.take_along_axis(theirs, ids[POSITIONS], -1)
    divergence = (np.exp(expected) * (expected - ours)).sum(-1)
    assert np.abs(divergence).max() < 1e-4
    np.testing.assert_allclose(ours, expected, atol=2e-3)
