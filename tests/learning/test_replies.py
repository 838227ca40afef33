"""The memory's replies in a conversation, and the part of it that a small model is given."""

import asyncio
from contextlib import closing

import pytest

from oneseek.engine.backends.select import processor
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.composing.tasks import without_notes
from oneseek.engine.learning.memory import replies
from oneseek.engine.learning.memory.speaking import drop_quotations
from oneseek.engine.learning.memory.statements.groups import names_group_of
from oneseek.engine.learning.memory.statements.plain_forms import says_plainly
from oneseek.engine.learning.memory.statements.quoting import words_of
from oneseek.engine.learning.memory.statements.statement import Found
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.registry import find
from oneseek.engine.open import assistant_of, clock

TOLD = (
    "my wife priya is a nurse, she works nights at st james",
    "we've got twins, leo and maya, they turn 9 in april",
    "leo is allergic to peanuts btw",
    "my brother has three boys",
)
NOTHING, SECRET = (words_of("en")[name] for name in ("nothing", "secret"))
NOT_EXACTLY = words_of("en")["not_exactly"]


class Chat:
    """One conversation with an assistant that remembers, as over the API."""

    def __init__(self, folder):
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.store = SqliteStore(folder / "told.sqlite")
        with closing(open_model(find("tiny"))) as file:
            self.assistant = self.run(assistant_of(file, processor(), self.store, "tiny"))
        self.queue = SavedQueue(TrainingQueue(clock), self.store)
        self.said = []

    def close(self):
        self.run(self.store.close())
        self.loop.close()

    def say(self, text):
        self.said.append({"role": "user", "content": text})
        told = self.said[:], Sampling(max_tokens=200), "chat"
        answer, _ = self.run(self.assistant.answer(*told, keeps=True))
        self.run(self.assistant.hear(self.said[:], self.queue))
        self.said.append({"role": "assistant", "content": answer.text})
        return answer.text


@pytest.fixture
def chat(tmp_path):
    chat = Chat(tmp_path)
    yield chat
    chat.close()


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    chat = Chat(tmp_path_factory.mktemp("family"))
    for text in TOLD:
        chat.say(text)
    yield chat
    chat.close()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("does my wife work nights?", "Yes. Your wife"),
        ("how many children do i have?", "twins"),
        ("do i have kids?", "twins"),
        ("can leo eat peanuts?", "No. Leo is allergic"),
        ("what's maya's favourite food?", NOTHING),
        ("how many kids does my sister have?", NOTHING),
    ],
)
def test_a_family_typed_in_small_letters_is_known(family, question, answer):
    assert answer in family.say(question)


def test_what_is_said_of_somebody_who_is_known_by_name_is_kept(chat):
    chat.say("i live in bristol with my partner jo and our cat pickle")
    assert "landscape gardener" in chat.say("jo is a landscape gardener")
    assert "landscape gardener" in chat.say("remind me what i told you about jo")
    assert "remember" not in chat.say("photosynthesis is a process in plants")


def test_a_secret_may_be_kept_after_a_question_about_it(chat):
    assert chat.say("the wifi password at home is Sunflower22") == SECRET
    assert chat.say("what's the wifi password?") == SECRET
    assert "Sunflower22" in chat.say("keep it")
    assert "Sunflower22" in chat.say("what's the wifi password?")


MEMORY = {"role": "assistant", "by": "memory"}
TALK = [
    {"role": "user", "content": "my wife is called Priya"},
    {**MEMORY, "content": "I'll remember that: your wife is called Priya."},
    {"role": "user", "content": "what's my shoe size?"},
    {**MEMORY, "content": NOTHING},
]


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("explain photosynthesis in one sentence", 1),
        ("thanks for everything, that's all", 1),
        ("write her a birthday card", 3),
        ("what do you think of that?", 3),
    ],
)
def test_a_small_model_is_given_no_quotations_but_what_a_message_refers_to(message, given):
    kept = drop_quotations([*TALK, {"role": "user", "content": message}])
    assert len(kept) == given
    assert not any("remember that" in one["content"] for one in kept)


def test_what_is_written_under_an_answer_is_not_the_models():
    assert without_notes("A card.\n\nYou told me: “my wife is Priya”") == "A card."
    assert without_notes("Ett kort.\n\nDu har berättat: “min fru”") == "Ett kort."
    assert without_notes("You told me: nothing") == "You told me: nothing"


@pytest.mark.parametrize(
    ("question", "said", "named"),
    [
        ("do i have kids?", "we've got twins", True),
        ("what's my wife's job?", "my wife is a nurse", True),
        ("har jag några barn?", "vi har tvillingar", True),
        ("vad jobbar Erik med, vet jag det?", "min sambo erik är snickare", True),
        ("what's my job?", "my wife is a nurse", False),
        ("how many children does my sister have?", "my brother has three boys", False),
    ],
)
def test_a_group_is_named_by_its_members(question, said, named):
    assert names_group_of(question, said, "sv" if "jag" in question else "en") == named


@pytest.mark.parametrize(
    ("question", "said", "plainly"),
    [
        ("what do i do for a living?", "i teach chemistry at a school in leeds", True),
        ("where do i work?", "im a nurse at st james", True),
        ("vad jobbar jag med?", "jag är sjuksköterska på Sahlgrenska", True),
        ("where do i work?", "I'm a member at the gym", False),
    ],
)
def test_a_job_is_told_in_many_ways(question, said, plainly):
    assert says_plainly(question, said) == plainly


def change_after(monkeypatch, reader, step, change):
    """Make one change right after this step of the reader; returns a list that is filled once it
    has happened."""
    take, changed = getattr(reader, step), []

    async def take_and_change(*given):
        found = await take(*given)
        if not changed:
            changed.append(step)
            await change()
        return found

    monkeypatch.setattr(reader, step, take_and_change)
    return changed


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (replies.NEAREST, NOT_EXACTLY.format(said=TOLD[2])),
        (replies.NEAREST - 0.01, NOTHING),
    ],
)
def test_what_is_near_a_question_that_nothing_answers_is_offered(family, monkeypatch, score, said):
    memory = family.assistant.mind.memory
    (fact,) = (one for one in memory.facts.values() if one["answer"] == TOLD[2])

    async def find_statements(question, user=""):
        return [Found(fact, score, score)]

    monkeypatch.setattr(memory, "find_statements", find_statements)
    assert family.say("which school does leo go to?") == said


@pytest.mark.parametrize(("score", "offered"), [(0.5, True), (0.2, False)])
def test_the_next_statement_is_offered_too_if_it_is_nearly_as_likely(
    family, monkeypatch, score, offered
):
    memory = family.assistant.mind.memory
    facts = {one["answer"]: one for one in memory.facts.values()}
    nearest = Found(facts[TOLD[2]], 0.2, 0.2)

    async def find_statements(question, user=""):
        return [nearest, Found(facts[TOLD[3]], 0.2 * score, 0.1)]

    monkeypatch.setattr(memory, "find_statements", find_statements)
    answer = family.say("which school does leo go to?")
    assert answer.startswith(NOT_EXACTLY.format(said=TOLD[2]))
    assert (TOLD[3] in answer) is offered


@pytest.mark.parametrize("step", ["locate_question", "read_question", "align"])
@pytest.mark.parametrize("changes", ["read anew", "forgotten"])
def test_a_memory_that_changes_while_a_question_is_read_finds_what_still_stands(
    chat, monkeypatch, step, changes
):
    for told in ("my brother has three boys", "leo is allergic to peanuts btw"):
        chat.say(told)
    memory = chat.assistant.mind.memory
    (allergy,) = (id for id, fact in memory.facts.items() if "peanuts" in fact["answer"])

    async def change():
        if changes == "forgotten":
            await memory.forget([allergy])
        else:
            memory.reload()

    changed = change_after(monkeypatch, memory.reader, step, change)
    found = [one.id for one in chat.run(memory.find_statements("what is leo allergic to?"))]
    assert changed
    assert (allergy in found[:1]) is (changes == "read anew")


def test_what_is_told_while_the_memory_is_read_anew_is_kept(chat, monkeypatch):
    chat.say("i just adopted a beagle called Waffles")
    memory = chat.assistant.mind.memory

    async def change():
        memory.reload()

    changed = change_after(monkeypatch, memory.reader, "beside", change)
    chat.say("i drive a red volvo")
    assert changed
    chat.run(memory.load())
    assert {one["answer"].split()[-1] for one in memory.facts.values()} == {"Waffles", "volvo"}
