"""Messages between page and workers must be checked at both ends, the same in both Pythons."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core import messages as protocol
from oneseek.engine.core.messages import BadMessage, Device, Done, Event, Failed, Request, Start
from oneseek.workers.post import Post

pytestmark = pytest.mark.in_worker

VALUES = {
    str: st.text(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    list: st.lists(st.text()),
    dict: st.dictionaries(st.text(), st.integers(0, 9)),
    type(None): st.none(),
}


def a_message(kind):
    """A strategy for well-formed messages of a class, from its list of fields."""
    values = {}
    for field, kinds in kind.fields.items():
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        values[field] = st.one_of(*(VALUES[each] for each in kinds))
    return st.fixed_dictionaries(values).map(lambda fields: kind(**fields))


messages = st.sampled_from(sorted(protocol.KINDS.values(), key=str)).flatmap(a_message)


@given(messages)
def test_every_message_survives_the_wire(message):
    arrived = protocol.from_text(message.to_text())
    assert type(arrived) is type(message)
    assert vars(arrived) == vars(message)


@pytest.mark.parametrize("kind", protocol.KINDS.values(), ids=lambda kind: kind.__name__)
def test_every_message_says_what_it_is_for(kind):
    assert kind.__doc__
    if issubclass(kind, Request):
        assert kind.worker in ("engine", "importer", "any")
        assert issubclass(kind.answer, protocol.Message)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "3", '{"type": 1}', '{"type": "Nobody"}', '{"engine": "auto"}', "{"]
)
def test_what_is_not_a_message_is_refused(text):
    with pytest.raises(BadMessage):
        protocol.from_text(text)


@pytest.mark.parametrize("fields", [{}, {"engine": 1}, {"engine": None}, {"engine": "", "more": 1}])
def test_wrong_fields_are_refused(fields):
    with pytest.raises(BadMessage):
        Start(**fields)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_has_no_word_for_are_refused(number):
    assert not protocol.fits(number, float)


def test_truth_is_not_a_number():
    assert not protocol.fits(True, int)
    assert protocol.fits(3, float)


@given(st.integers(1, 2**31))
def test_an_event_arrives_with_its_sender_and_its_number(seq):
    event = protocol.Booting(worker="engine", step="packages")
    worker, number, arrived = protocol.open_envelope(protocol.envelope(event, "engine", seq))
    assert (worker, number, vars(arrived)) == ("engine", seq, vars(event))


class Kind:
    """Handlers that answer, fail, or answer with the wrong type."""

    async def on_start(self, request):
        if request.engine == "break":
            raise RuntimeError("the chip is on fire")
        if request.engine == "odd":
            return Done()
        return Device(kind="cpu", name="test", why=request.engine, detail="")


def ask(request, handlers):
    sent: list[str] = []
    post = Post("engine", sent.append, (handlers,))
    return protocol.from_text(asyncio.run(post.receive(request.to_text())))


def test_a_request_is_answered_by_its_handler():
    assert ask(Start(engine="gpu"), Kind()).why == "gpu"


@pytest.mark.parametrize(
    ("engine", "reason"), [("break", "the chip is on fire"), ("odd", "answered with")]
)
def test_whatever_goes_wrong_in_a_handler_becomes_an_answer(engine, reason):
    answer = ask(Start(engine=engine), Kind())
    assert isinstance(answer, Failed)
    assert answer.where == "Start"
    assert reason in answer.reason


def test_an_event_is_not_taken_for_a_request():
    assert isinstance(ask(protocol.Booting(worker="engine", step="x"), Kind()), Failed)


def test_events_are_numbered_by_their_sender():
    sent: list[str] = []
    post = Post("engine", sent.append)
    for step in "abc":
        post.emit(protocol.Booting(worker="engine", step=step))
    assert [protocol.open_envelope(text)[1] for text in sent] == [1, 2, 3]
    assert all(isinstance(protocol.open_envelope(text)[2], Event) for text in sent)
