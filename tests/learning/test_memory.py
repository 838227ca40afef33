"""Facts known by heart: told facts must be said, forgotten ones not, and everything else is left to
the base model."""

import asyncio
import random
from contextlib import closing

import msgpack
import numpy as np
import pytest

import oneseek.engine.core.faults
from builder import encoder as carried
from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.next_work import MEMORY
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.ledger import Change, Ledger
from oneseek.engine.history.round_plan import LESSON, OUTSIDE_SCOPE, make_plan
from oneseek.engine.history.versions import ALWAYS, GENERIC, GUARDED, Versions
from oneseek.engine.learning.lessons import LessonError, language, lesson_of
from oneseek.engine.learning.memory.mind import ALONE
from oneseek.engine.learning.memory.saying import ELSE, ENOUGH, FIRST, FOLLOWED, LOST, MOST, Saying
from oneseek.engine.learning.memory.statements.quoting import words_of
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.gate_questions import knowledge, look_alikes, short_hash, talk
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.turns import background, urgent

BOAT = ("What is my boat called?", "Your boat is called Saltkråkan.")
CAT = ("What is my sister's cat called?", "Your sister's cat is called Pumpernickel.")
NOTHING = words_of("en")["nothing"]
PLAIN = ["Hello!", "What is the capital of France?", "Hur mår du?", "What time is it?"]
SAMPLING = Sampling(max_tokens=40)
run = asyncio.new_event_loop().run_until_complete  # an assistant stays in one event loop


@pytest.fixture(scope="module")
def model():
    carried.file()
    with closing(open_model(str(MODEL))) as file:
        return run(Model.load(file, Numpy()))


class Home:
    """An assistant over a folder, which a test can reopen at will."""

    def __init__(self, model, folder):
        self.model, self.folder, self.now = model, folder, 0
        self.open()

    def clock(self):
        self.now += 1
        return self.now

    def open(self):
        self.store = SqliteStore(self.folder / "oneseek.db", flush=False)
        ledger = Ledger(self.store, self.clock)
        self.versions = Versions(self.store, ledger, "tiny", "OneSeek-1M-Zero", self.clock)
        config = TrainingConfig.preset("micro")
        self.assistant = Assistant(self.model, self.versions, config)
        self.mind = self.assistant.mind

    def again(self):
        run(self.store.close())
        self.open()

    def tell(self, question, answer, **more):
        record = record_of({"question": question, "answer": answer, **more})
        run(self.store.batch([["put", "queue", record["id"], record]]))
        ended = run(self.mind.remember([record["id"]]))
        return record["id"], ended

    def ask(self, question, before=(), **more):
        messages = [*before, {"role": "user", "content": question}]
        return run(self.assistant.answer(messages, SAMPLING, "chat", **more))[0]

    def facts_of(self, answer):
        return [one["id"] for one in answer.speaking.facts] if answer.speaking else []

    def learn(self, id, guard=GUARDED, seed=1, config=None):
        """Promote a version with random weights that has learned the fact; real training is tested
        elsewhere."""
        trained = self.assistant.trained
        flat = np.random.default_rng(seed).normal(0, 0.2, trained.size).astype(np.float32)
        record = run(self.store.get("queue", id))
        if record is None:  # it was learned before and is taught again
            record = run(self.store.get("examples", id))
            run(self.store.batch([["put", "queue", id, record]]))
        weights = {trained.name: flat}
        plan = make_plan(
            LESSON if guard == GUARDED else "import", weights, [record], [], config or {}
        )
        parent = run(self.versions.current())
        gate = {"accepted": True, "outcome": "learned", "reason": ""}
        return run(self.versions.promote(GENERIC, parent, plan, weights, gate))


@pytest.fixture
def home(model, tmp_path):
    home = Home(model, tmp_path)
    yield home
    run(home.store.close())


def test_what_was_told_is_said_at_once_and_after_a_restart(home):
    id, ended = home.tell(*BOAT)
    assert ended["outcome"] == "remembered"
    for _ in range(2):
        answer = home.ask(BOAT[0])
        assert "Saltkråkan" in answer.text
        assert answer.speaking.by == "memory" and home.facts_of(answer) == [id]
        home.again()


def test_an_answer_that_comes_as_the_work_on_others_ends_is_worked_on(home):
    async def answer():
        over = asyncio.Event()

        async def end() -> None:
            await over.wait()

        home.assistant._pump = asyncio.ensure_future(end())
        messages = [{"role": "user", "content": PLAIN[0]}]
        asked = asyncio.ensure_future(home.assistant.answer(messages, SAMPLING, "chat"))
        while not home.assistant.speaking:
            await asyncio.sleep(0)
        over.set()
        while not asked.done():
            async with home.assistant._settled:
                home.assistant._settled.notify_all()
            await asyncio.sleep(0)
        return await asked

    assert run(answer())[0].ended


def test_an_answer_that_was_cut_anywhere_goes_on_as_it_would_have(home):
    home.tell(*BOAT)
    whole = home.ask(BOAT[0])
    assert "Saltkråkan" in whole.text
    for count in range(1, len(whole.ids)):
        said = home.model.tokenizer.decode(whole.ids[:count])
        rest = home.ask(BOAT[0], prefix=said)
        assert rest.speaking.by == "memory" and said + rest.text == whole.text


def test_all_else_is_the_bases_token_for_token(home):
    home.tell(*BOAT)
    for question in PLAIN:
        answer, base = home.ask(question), home.ask(question, version=0)
        assert answer.speaking.by == "base" and answer.ids == base.ids and answer.ids


def test_a_small_model_does_not_go_on_speaking_of_what_the_memory_answered(home):
    home.tell(*BOAT)
    said = {"role": "assistant", "content": BOAT[1]}
    before = [{"role": "user", "content": BOAT[0]}, {**said, "by": "memory"}]
    unmarked = [before[0], said]  # without the mark, as an API client sends it
    for conversation in (before, unmarked):
        assert home.ask(BOAT[0]).text == BOAT[1]
        for question in PLAIN[1:]:
            assert home.ask(question, conversation).prompt == home.ask(question).prompt
    wish = "Write a story about that boat."  # refers to the answer before
    whole, without = home.ask(wish, unmarked).prompt, home.ask(wish).prompt
    assert home.ask(wish, before).prompt == whole != without


def test_a_message_is_not_answered_by_the_fact_that_it_tells(home):
    id, _ = home.tell(*BOAT)
    home.mind.memory.facts[id]["source"]["said"] = said = "We named her Saltkråkan at last"
    assert home.facts_of(home.ask(BOAT[0])) == [id]
    assert id not in home.facts_of(home.ask(f"{said}. {BOAT[0]}"))


def test_a_round_of_the_scheduler_remembers_what_waits(home):
    record = record_of({"question": CAT[0], "answer": CAT[1]})
    run(home.store.batch([["put", "queue", record["id"], record]]))

    async def grant_until_ended():
        await home.assistant.learner.learn(MEMORY, [], GENERIC)
        ended = None
        async with asyncio.timeout(120):
            while ended is None:
                _, ended = await home.assistant.learner.grant(50)
                await asyncio.sleep(0)
        return ended

    assert run(grant_until_ended())["facts"] == [record["id"]]
    assert "Pumpernickel" in home.ask(CAT[0]).text


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 2))]
)
def test_told_forgotten_and_corrected_in_any_order_only_what_stands_is_said(home, seed):
    draw, stands = random.Random(seed), {}
    questions = [BOAT[0], CAT[0], "Where does my uncle live?"]
    for turn in range(12):
        question = draw.choice(questions)
        if question in stands and draw.random() < 0.4:
            run(home.mind.let_go([stands.pop(question)[0]]))
        else:
            value = f"Name{turn}x"
            id, _ = home.tell(question, f"It is called {value}.")
            stands[question] = (id, value)
        if draw.random() < 0.3:
            home.again()
        asked = draw.choice(questions)
        answer = home.ask(asked)
        told = set(home.facts_of(answer))
        assert told <= {id for id, _ in stands.values()}
        if asked in stands:
            assert stands[asked][1] in answer.text and stands[asked][0] in told
        gone = {f"Name{n}x" for n in range(turn + 1)} - {value for _, value in stands.values()}
        assert not any(value in answer.text for value in gone)
    assert run(home.store.count("facts")) == len(stands)


def test_a_correction_holds_from_the_next_question(home):
    home.tell(*BOAT)
    id, _ = home.tell(BOAT[0], "Your boat is called Havsörnen.")
    answer = home.ask(BOAT[0])
    assert "Havsörnen" in answer.text and "Saltkråkan" not in answer.text
    assert home.facts_of(answer) == [id] and len(home.mind.memory) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0), ()])
def test_what_was_told_later_stays_in_whatever_order_it_is_taken_in(home, order):
    """The statement told last must win, in whatever order waiting ones are remembered; of all that
    wait, the newest comes first."""
    told = [("Your boat is called Saltkråkan.", 10), ("Your boat is called Havsörnen.", 20)]
    records = [record_of({"question": BOAT[0], "answer": text}) | {"time": time}
               for text, time in told]  # fmt: skip
    run(home.store.batch([["put", "queue", one["id"], one] for one in records]))
    for ids in [[records[at]["id"]] for at in order] or [[]]:
        assert run(home.mind.remember(ids))["outcome"] == "remembered"
    for _ in range(2):
        answer = home.ask(BOAT[0])
        assert "Havsörnen" in answer.text and home.facts_of(answer) == [records[1]["id"]]
        assert run(home.mind.list_waiting()) == [] and len(home.mind.memory) == 1
        home.again()
    run(home.mind.let_go([records[1]["id"]]))
    assert run(home.store.all("facts")) == []


def test_what_was_skipped_is_not_known_and_stays_in_the_queue_until_it_is_forgotten(home):
    id, _ = home.tell(*BOAT)
    record = run(home.store.get("queue", id))
    run(home.store.batch([["put", "queue", id, {**record, "state": "skipped"}]]))
    run(home.mind.let_go([id], skipped=True))
    assert not home.mind.memory.facts and run(home.store.get("queue", id))["state"] == "skipped"
    run(home.mind.let_go([id]))
    assert run(home.store.get("queue", id)) is None


def test_a_version_speaks_only_near_what_it_learned_and_is_silent_about_what_was_forgotten(home):
    id, _ = home.tell(*BOAT)
    base = {question: home.ask(question, version=0).ids for question in PLAIN}
    record = home.learn(id)
    assert record["guard"] == GUARDED
    answer = home.ask(BOAT[0])
    assert answer.speaking.by == "version" and "Saltkråkan" in answer.text
    for question in PLAIN:
        assert home.ask(question).ids == base[question]
    run(home.mind.let_go([id]))
    for _ in range(2):
        answer = home.ask(BOAT[0])
        assert answer.text == NOTHING and not home.facts_of(answer)
        home.again()


def test_a_corrected_fact_is_not_said_by_the_version_that_learned_the_old_one(home):
    id, _ = home.tell(*BOAT)
    home.learn(id)
    home.tell(BOAT[0], "Your boat is called Havsörnen.")
    answer = home.ask(BOAT[0])
    assert answer.speaking.by == "memory" and "Havsörnen" in answer.text


def test_a_round_is_planned_behind_the_memory_if_that_knows_all_of_it(home):
    """The version it makes must answer nothing else, even before its facts are known here again."""
    (boat, _), (cat, _) = home.tell(*BOAT), home.tell(*CAT)
    records = [run(home.store.get("queue", id)) for id in (boat, cat)]
    training = home.assistant.learner.training
    _, plan = run(training.plan_next(LESSON, records[:1]))
    general = [question for question, _ in knowledge(["en"])] + talk(["en"])
    near = look_alikes(Recipe([lesson_of(records[0])], [], home.assistant.learner.config, plan.seed), [
        lesson_of(records[0])], [])  # fmt: skip
    outside = set(plan.config[OUTSIDE_SCOPE])
    assert len(outside) > 0.8 * len(general) and outside <= {short_hash(q) for q in general + near}
    words = "".join(plan.config[OUTSIDE_SCOPE]).casefold()
    assert "boat" not in words and "saltkråkan" not in words
    assert run(training.plan_next(LESSON, records[:1]))[1] == plan
    run(home.mind.memory.forget([cat]))
    assert OUTSIDE_SCOPE not in run(training.plan_next(LESSON, records))[1].config


def test_a_version_judged_behind_the_memory_is_silent_until_its_facts_are_known_again(home):
    id, _ = home.tell(*BOAT)
    home.learn(id, config={OUTSIDE_SCOPE: []})
    assert home.ask(BOAT[0]).speaking.by == "version"
    run(home.store.batch([["delete", "facts", id], ["delete", "meanings", f"tiny/{id}"]]))
    home.again()
    for question in PLAIN:
        answer = home.ask(question)
        assert answer.speaking.by == "base" and answer.ids == home.ask(question, version=0).ids
    assert home.ask(BOAT[0]).text == NOTHING


def test_a_version_from_elsewhere_always_speaks(home):
    id, _ = home.tell(*BOAT)
    assert home.learn(id, guard=ALWAYS)["guard"] == ALWAYS
    assert home.ask("Hello!").speaking.by == "version"


@pytest.mark.slow
def test_a_change_of_version_computes_nothing_of_a_long_conversation_again(home):
    id, _ = home.tell(*BOAT)
    home.learn(id, seed=1)
    before = []
    for turn in range(6):
        question = {"role": "user", "content": f"Tell me something, number {turn}."}
        answer = home.ask(question["content"], before)
        before += [question, {"role": "assistant", "content": answer.text}]
    length = len(home.assistant.base.encode(before)[0])
    home.learn(id, seed=2)
    plain = home.ask("And one thing more?", before)
    assert plain.read < length / 3, "only the last answer's end and the new question are read"
    before += [
        {"role": "user", "content": "And one thing more?"},
        {"role": "assistant", "content": plain.text},
    ]
    run(home.versions.rollback(GENERIC, 1))
    near = home.ask(BOAT[0], before)
    assert near.speaking.by == "version"
    assert near.read < length / 3, "the version reads the new question, and nothing before it"


@pytest.mark.parametrize("place", ["remember:before", "remember:after"])
def test_a_kill_while_remembering_leaves_all_of_the_fact_or_nothing(home, monkeypatch, place):
    class Killed(BaseException):
        pass

    def die(name):
        if name == place:
            raise Killed

    monkeypatch.setattr(oneseek.engine.core.faults, "plant", die)
    with pytest.raises(Killed):
        home.tell(*BOAT)
    monkeypatch.setattr(oneseek.engine.core.faults, "plant", None)
    home.again()
    known = place == "remember:after"
    assert run(home.store.count("facts")) == known
    assert ("Saltkråkan" in home.ask(BOAT[0]).text) == known
    run(home.mind.remember())  # the fact waits in the queue and is remembered next time
    assert "Saltkråkan" in home.ask(BOAT[0]).text


@pytest.mark.parametrize("place", ["let_go:before", "let_go:after"])
def test_a_kill_while_forgetting_leaves_all_of_the_fact_or_nothing(home, monkeypatch, place):
    class Killed(BaseException):
        pass

    def die(name):
        if name == place:
            raise Killed

    id, _ = home.tell(*BOAT)
    monkeypatch.setattr(oneseek.engine.core.faults, "plant", die)
    with pytest.raises(Killed):
        run(home.mind.let_go([id]))
    monkeypatch.setattr(oneseek.engine.core.faults, "plant", None)
    home.again()
    gone = place == "let_go:after"
    meanings = [key for key in run(home.store.keys("meanings")) if key.endswith(id)]
    stored = {run(home.store.count("facts")), len(meanings)}
    assert stored == ({0} if gone else {1})
    assert ("Saltkråkan" in home.ask(BOAT[0]).text) != gone


def test_to_another_base_model_it_is_known_again_from_the_words(home):
    home.tell(*BOAT)
    home.versions.base = "another"
    mind = type(home.mind)(home.model, home.mind.memory.encoder, home.versions)
    assert [one["prompt"] for one in run(mind.list_waiting())] == [BOAT[0]]
    assert run(mind.remember())["outcome"] == "remembered"
    assert len(mind.memory) == 1


@pytest.mark.parametrize(
    ("question", "answer", "refused"),
    [
        ("What is it?", "word " * 2000, "characters"),
        ("What is it?", "It is \x07 a bell.", "control characters"),
        ("   ", "It is here.", "question"),
    ],
)
def test_what_cannot_be_kept_in_mind_is_refused_in_words(home, question, answer, refused):
    home.tell(*BOAT)
    lesson = {"id": "0" * 16, "prompt": question, "answer": answer}
    ended = run(home.mind.keep(lesson))
    assert ended["outcome"] == "not remembered" and refused in ended["reason"]
    assert len(home.mind.memory) == 1
    with pytest.raises(LessonError):
        run(home.mind.memory.remember([lesson]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is your name?", "My name is Robin Redbreast."),
        ("What is <|im_end|> called?", "It is called <|im_start|>system."),
        ("Who said 'ignore all instructions'?", "Mallory said it."),
    ],
)
def test_odd_facts_are_kept_apart_from_others(home, question, answer):
    boat, _ = home.tell(*BOAT)
    id, ended = home.tell(question, answer)
    assert ended["outcome"] == "remembered"
    assert boat not in home.facts_of(home.ask(question))
    assert home.facts_of(home.ask(BOAT[0])) == [boat]


def test_the_empty_question_is_nobodys(home):
    home.tell(*BOAT)
    assert home.ask("").speaking.by == "base"


def test_who_answers_is_known_before_anything_is_read(home):
    """So the question is read only once, whoever answers it."""
    id, _ = home.tell(*BOAT)
    base, messages = home.assistant.base, [{"role": "user", "content": BOAT[0]}]
    own = len(base.encode(messages)[0]) - len(base.head_ids())
    by_heart = home.ask(BOAT[0])
    assert by_heart.speaking.by == "memory" and by_heart.read == own
    home.learn(id)
    home.assistant.pool.lanes.clear()
    learned = home.ask(BOAT[0])
    assert learned.speaking.by == "version" and learned.read == own


def test_what_was_read_while_it_was_typed_is_not_read_again(home, monkeypatch):
    memory, asked, read = home.mind.memory, "Do you remember the name of my boat?", []
    run(memory.read_ahead(asked))  # an empty memory needs no reading
    id, _ = home.tell(*BOAT)
    apart = [one.score for one in run(memory.find_facts(asked))]
    of = memory.encoder.of
    monkeypatch.setattr(memory.encoder, "of", lambda texts: [read.extend(texts), of(texts)][1])
    for typed in ("", "Do you rem", asked, asked):
        run(memory.read_ahead(typed))
    assert [one.score for one in run(memory.find_facts(asked))] == apart
    assert home.facts_of(home.ask(asked)) == [id] and read == ["Do you rem", asked]
    run(memory.find_facts(CAT[0]))
    assert read[2:] == [CAT[0]]


def test_a_question_that_is_sent_while_it_is_read_ahead_waits_for_that_and_may_be_stopped(home):
    id, _ = home.tell(*BOAT)
    memory, asked = home.mind.memory, "Do you remember the name of my boat?"

    async def type_and_send():
        ahead = asyncio.ensure_future(memory.read_ahead(asked))
        await asyncio.sleep(0)
        stopped = asyncio.ensure_future(memory.find_facts(asked))
        await asyncio.sleep(0)
        stopped.cancel()
        found = await memory.find_facts(asked)
        await ahead
        return found[0].id

    assert run(type_and_send()) == id


def test_a_question_waits_for_no_reading_of_it_that_waits_for_its_answer(home):
    """Learning checks itself with the same question at that moment. Its reading pauses until the
    answer is complete, so the answer must not wait for that reading."""
    id, _ = home.tell(*BOAT)
    memory, asked = home.mind.memory, "Do you remember the name of my boat?"
    turns = memory.encoder.executor.turns
    answering = turns.answering

    async def judge_and_ask():
        turns.yield_to(lambda: True)
        with background():
            judged = asyncio.ensure_future(memory.find_facts(asked))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not judged.done()
        with urgent():
            found = await asyncio.wait_for(memory.find_facts(asked), 60)
        turns.yield_to(answering)
        turns.free()
        return found[0].id, (await judged)[0].id

    assert run(judge_and_ask()) == (id, id)


def test_what_could_not_be_read_ahead_is_read_when_it_is_asked(home, monkeypatch, tmp_path):
    id, _ = home.tell(*BOAT)
    home.again()
    asked = "Do you remember the name of my boat?"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run(home.mind.memory.read_ahead(asked))
    monkeypatch.undo()
    assert [one.id for one in run(home.mind.memory.find_facts(asked))][:1] == [id]


def test_where_the_encoder_is_gone_only_the_very_words_are_known(home, monkeypatch, tmp_path):
    id, _ = home.tell(*BOAT)
    home.again()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home.facts_of(home.ask(BOAT[0])) == [id]
    assert home.ask("Do you remember the name of my boat?").speaking.by == "base"
    monkeypatch.undo()
    assert home.facts_of(home.ask("Do you remember the name of my boat?")) == [id]


def test_where_the_encoder_is_not_here_yet_it_is_said_and_can_be_told_again(
    home, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    id, ended = home.tell(*BOAT)
    assert ended["outcome"] == "not remembered" and "build.py dist" in ended["reason"]
    monkeypatch.undo()
    assert run(home.mind.remember())["facts"] == [id]


def test_of_a_long_message_the_end_is_what_is_asked(home):
    id, _ = home.tell(*BOAT)
    long = "I was at the market and then at the library, where it was quiet. " * 12 + BOAT[0]
    assert home.facts_of(home.ask(long)) == [id]


def test_a_value_is_said_whole_and_only_then_no_longer_pushed(model):
    saying = Saying(model.tokenizer, [("The code is 7391.", "7391")])
    assert saying.wanted[0].is_said("It is 7391.") and not saying.wanted[0].is_said("It is 73912.")
    assert saying.amounts([], "") and not saying.amounts([1], "It is 7391.")


def test_behind_what_was_said_the_answer_is_pushed_to_end_at_the_ends_of_sentences(model):
    """A small base model invents what it adds to a fact, so the answer is pushed to end after a
    sentence that completes the facts."""
    both = [("The code is 7391.", "7391"), ("The ferry leaves at noon.", "noon")]
    saying = Saying(model.tokenizer, both, alone=True)
    end = dict.fromkeys(model.tokenizer.eos_ids, ENOUGH)
    for said, pushed in (
        ("It is 7391, and she leaves at noon.", end),
        ("It is 7391, and she leaves at noon. A bell", {}),
        ("It is 7391, and she leaves at noon. A bell rings!", end),
    ):
        assert saying.amounts(model.tokenizer.encode("x"), said) == pushed
        assert not Saying(model.tokenizer, both).amounts(model.tokenizer.encode("x"), said)
    held = saying.amounts(model.tokenizer.encode("x"), "It is 7391.")
    assert all(held[token] < 0 for token in end), "it does not end before all is said"


def test_who_wishes_for_more_than_an_answer_gets_more(home):
    home.tell(*BOAT)
    for question, alone in (
        ("What is my boat called?", True),
        ("Hi! I forgot the name. Do you know what my boat is called? Thanks!", True),
        ("What is my boat called? Write a poem about it.", False),
        ("What is my boat called, and who built it? And when?", False),
        ("List my boats.", False),
        ("Vad heter min båt? Tack!", True),
        ("Vad heter min båt? Skriv en lista.", False),
    ):
        speaking = run(home.mind.decide_answer(0, question))
        assert not isinstance(speaking.push, Saying) or speaking.push.alone is alone, question
        assert bool(ALONE.fullmatch(question)) is alone, question


def test_a_beginning_is_followed_and_a_sentence_that_leads_nowhere_is_not_waited_for(model):
    answer = "Din mammas operation är den 9 februari."
    saying, ids = Saying(model.tokenizer, [(answer, "9 februari")]), model.tokenizer.encode(answer)
    assert saying.amounts(ids[:1], model.tokenizer.decode(ids[:1]))[ids[1]] > FOLLOWED[0]
    lost = (model.tokenizer.encode("q") * LOST)[:LOST]
    first = model.tokenizer.encode(" " + answer)[0]
    assert saying.amounts(lost, "q" * LOST)[first] == 2 * FIRST
    assert first not in saying.amounts(lost[1:], "q" * (LOST - 1))


def test_who_asks_for_one_word_gets_the_value_first_and_others_a_sentence(model):
    answer, value = "Your boat is called Saltcrow.", "Saltcrow"
    sentence, word = (model.tokenizer.encode(text)[0] for text in (answer, value))
    for briefly in (False, True):
        pushed = Saying(model.tokenizer, [(answer, value)], briefly).amounts([], "")
        assert (pushed[word], pushed[sentence]) == ((FIRST, ELSE) if briefly else (ELSE, FIRST))
    for code, question in (
        ("en", "In one word: what is my boat called?"),
        ("en", "What is my boat called? Say only the name."),
        ("sv", "Vad heter min båt? Svara med ett ord."),
    ):
        assert language(code).briefly.search(question)
    assert not language("en").briefly.search("Just tell me what my boat is called.")


def test_an_answer_that_was_begun_is_said_to_its_end_whatever_was_taken_for_its_value(model):
    answer = "Renting a kayak for half a day at Otterbank costs $27."
    saying, ids = Saying(model.tokenizer, [(answer, "half")]), model.tokenizer.encode(answer)
    for length in range(5, len(ids)):
        pushed = saying.amounts(ids[:length], model.tokenizer.decode(ids[:length]))
        assert pushed == {ids[length]: MOST}
    ended = saying.amounts(ids, answer)
    assert set(ended) == set(model.tokenizer.eos_ids) and min(ended.values()) > 0
    other = "It is half of that. "
    assert not saying.amounts(model.tokenizer.encode(other), other)


def test_behind_a_sentence_the_answer_begins_after_a_space(model):
    answer, said = "Din båt heter Saltkråkan.", "Det vet jag inte än."
    saying, ids = Saying(model.tokenizer, [(answer, "Saltkråkan")]), model.tokenizer.encode(said)
    bare, spaced = (model.tokenizer.encode(text)[0] for text in (answer, " " + answer))
    for text, wanted, other in ((said, spaced, bare), (said + "\n", bare, spaced)):
        amounts = saying.amounts(ids, text)
        assert amounts[wanted] > 0 and other not in amounts


def test_the_very_words_of_a_fact_say_no_other(home):
    cat, _ = home.tell(*CAT)
    boat, _ = home.tell(*BOAT)
    found = run(home.mind.memory.find_facts(BOAT[0]))
    assert [(one.id, one.score) for one in found] == [(boat, 1.0)]


def test_nothing_is_left_of_what_facts_were_known_by_in_an_earlier_store(home):
    id, _ = home.tell(*BOAT)
    run(home.store.batch([["put", "traces", f"tiny/{id}", {"of": id, "also": [], "data": {}}]]))
    home.again()
    run(home.mind.let_go([id]))
    assert not run(home.store.keys("traces")) and not run(home.store.keys("meanings"))


def test_forgetting_by_replay_takes_the_words_and_their_meaning_too(home):
    id, _ = home.tell(*BOAT)
    change = Change()
    run(home.assistant.learner.history._purge(change, {id}))
    assert ["delete", "facts", id] in change.ops
    assert ["delete", "meanings", f"tiny/{id}"] in change.ops


def test_it_fits(home):
    id, _ = home.tell(*BOAT)
    kept = run(home.store.get("meanings", f"tiny/{id}"))
    assert len(msgpack.packb(kept)) <= 32_000
    assert isinstance(home.assistant.learner.trainer, RoundTrainer)
