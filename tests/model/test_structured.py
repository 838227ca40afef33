"""An answer with a JSON schema must fit it, whatever the model would rather say."""

import asyncio
import contextlib
import json
import random

import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.schema import Grammar, SchemaError
from oneseek.engine.model.choice.text import Text
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find
from tests.support.gpu_device import gpu
from tests.support.schemas import fits, schemas

ASKED = [{"role": "user", "content": "Tell me about a town, as JSON."}]


def is_allowed(schema, text: str) -> bool:
    grammar = Text(Grammar(schema))
    return grammar.is_whole(grammar.after(grammar.start, text.encode()))


def test_what_fits_is_allowed_and_what_does_not_is_not():
    town = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 3},
            "size": {"type": "integer", "minimum": 3, "maximum": 120},
            "at": {"type": "number", "exclusiveMinimum": -1.5, "maximum": 90},
            "open": {"type": ["boolean", "null"]},
        },
        "required": ["name", "at"],
    }
    for text in (
        '{"name": "Åre","at":-1.4}',
        '{"name":"\\n", "size": 120, "at": 90.0, "open": null}',
        '{"name":"🙂", "size":3, "at":0}',
        '{"name":"a", "at":-0.25, "open":false}',
    ):
        assert is_allowed(town, text) and fits(json.loads(text), town)
    for text in (
        '{"name": "Åre"}', '{"name": "four", "at": 1}', '{"name": "", "at": 1}', "{}", "",
        '{"name":"a", "at":-1.5}', '{"name":"a", "at":90.01}', '{"name":"a", "size":2, "at":1}',
        '{"name":"a", "size":121, "at":1}', '{"at":1, "name":"a"}', '{"name":"a", "at":01}',
        '{"name":"a", "at":1}}', '{"name":"a", "at":1} ', '{"name":"a\n", "at":1}',
        '{"name":"a", "at":1., "open":true}', '{"name":"a", "at":-, "open":true}',
    ):  # fmt: skip
        assert not is_allowed(town, text), text
    whole = Text(Grammar(town))
    assert not whole.after(whole.start, b'{"name":"\xc0\x80')  # not valid UTF-8
    assert not whole.after(whole.start, b'{"name":"\xed\xa0\x80')


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "a+"}, "'pattern' is not supported"),
        ({"type": "thing"}, "the type 'thing' is not known"),
        ({"$ref": "#/$defs/none"}, "leads to nothing in the schema"),
        ({"$ref": "https://example.org/schema"}, "leads outside the schema"),
        ({"$ref": "#"}, "form a circle"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number lies between"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "minItems is 3"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "alternatives exclude each other"),
        ({"type": "integer", "enum": ["a"]}, "no value of its type"),
        (
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            "no text of at most 100,000 bytes",
        ),
        ([], "must be an object"),
    ],
)
def test_what_is_not_understood_is_refused_in_words(schema, words):
    with pytest.raises(SchemaError, match=words):
        Grammar(schema)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(Numpy())


def load_model(executor) -> Model:
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, executor))


def test_two_hundred_schemas_are_filled_by_whoever_says_anything(model: Model):
    draw, words = random.Random(1), len(model.tokenizer.vocabulary.tokens)
    for number, schema in enumerate(schemas()):
        form, ids, most = Form(Grammar(schema), model.tokenizer), [], 250
        sampling = Sampling(temperature=number % 2, seed=number)
        while len(ids) < most and not form.is_over:
            best = [(draw.randrange(words), -0.1 * i) for i in range(12)]
            token = form.choose(best, sampling, ids, most - len(ids))
            if token in model.tokenizer.eos_ids:
                break
            ids.append(token)
        text = b"".join(map(model.tokenizer.bytes_of, ids)).decode()
        assert fits(json.loads(text), schema), (schema, text)


def fill_form(model: Model, schema: dict, tokens: int, **more):
    generator = Generator(model)
    form = Form(Grammar(schema), model.tokenizer)
    answer = generator.ask(ASKED, Sampling(max_tokens=tokens, **more), form=form)
    asyncio.run(generator.answer_all([answer]))
    return answer


def test_the_model_answers_in_the_form_also_when_little_room_is_left(model: Model):
    schema = schemas()[-1]
    least = len(model.tokenizer.spell(Text(Grammar(schema)).complete(Text(Grammar(schema)).start)))
    for tokens, heat in ((least, 0.0), (least + 1, 1.0), (least + 9, 1.0), (100, 0.0)):
        answer = fill_form(model, schema, tokens, temperature=heat, seed=3)
        assert fits(json.loads(answer.text), schema), answer.text
        assert answer.ended == "end" or len(answer.ids) == tokens


def test_no_token_comes_twice_where_that_costs_too_much(model: Model):
    asked = [{"role": "user", "content": "Who are you?"}]
    generator = Generator(model)
    plain, fresh = (generator.ask(asked, Sampling(presence=amount)) for amount in (0.0, 50.0))
    asyncio.run(generator.answer_all([plain, fresh]))
    assert len(set(plain.ids)) < len(plain.ids) and len(set(fresh.ids)) == len(fresh.ids)


def test_the_same_seed_says_the_same_and_every_back_end_does(model: Model):
    schema = {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 2}
    drawn = [fill_form(model, schema, 60, temperature=0.9, seed=seed).text for seed in (4, 4, 5)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert fill_form(load_model(gpu()), schema, 60).text == fill_form(model, schema, 60).text


@pytest.mark.slow
@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.long)])
def test_the_demo_model_fills_two_hundred_schemas(model: Model, every: int):
    """Every twentieth schema by default, all of them with --long."""
    for number, schema in enumerate(schemas()[::every]):
        answer = fill_form(model, schema, 160, temperature=0.7 * (number % 2), seed=number)
        assert fits(json.loads(answer.text), schema), (schema, answer.text)
