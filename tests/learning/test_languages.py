"""Languages without lessons of their own: a fact told as question and answer must be recognised
(docs/languages.md)."""

import asyncio
from contextlib import closing

import pytest

from builder import encoder
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.parts.facts import load_facts
from tests.bench.parts.told import Told

FEW = 4


@pytest.mark.parametrize("code", ["de", "fr", "es"])
def test_facts_in_three_more_languages_are_recognised(tmp_path, code):
    encoder.file()
    facts = [fact for fact in load_facts("languages") if fact["language"] == code][:FEW]
    with closing(open_model(str(MODEL))) as file, asyncio.Runner() as runner:
        store = SqliteStore(tmp_path / "memory.sqlite")
        told = Told(runner.run(Model.load(file, Numpy())), store)
        for fact in facts:
            runner.run(told.tell(fact))
        own = [fact["question"] for fact in facts]
        assert runner.run(told.recognised(own))["by"] == own
        others = ["2 + 2 = ?", "Berlin, Paris, Madrid: which is the largest?"]
        assert runner.run(told.recognised(others))["by"] == ["", ""]
        runner.run(store.close())
