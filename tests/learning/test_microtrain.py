"""Micro-training: two stages after every question, with figures that are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.history.audit import check_store
from oneseek.engine.learning.questions.microtrain import (
    KEPT_EVENTS,
    BadQuestion,
    MicroTraining,
    hold,
)
from oneseek.engine.learning.questions.responses import analyse, bias_of, similarity
from tests.support.living import Living, run
from tests.support.small_trainer import SmallTrainer


def make_responses(*texts, models=None):
    return [{"model": (models or "abcdefgh")[i], "response": text} for i, text in enumerate(texts)]


def test_consensus_is_one_for_equal_and_zero_for_disjoint_responses():
    assert analyse(make_responses("Paris is it", "paris IS it.")).consensus == 1
    assert analyse(make_responses("red", "blue")).consensus == 0
    assert similarity("the cat", "the dog") == 0 and similarity("a fat cat", "the cat") == 1


def test_a_single_response_has_no_consensus_and_all_the_weight():
    found = analyse(make_responses("Paris"))
    assert found.consensus is None and found.weights == [1.0] and found.fairness == 1.0


def test_bias_is_the_share_of_words_that_judge_or_exaggerate():
    assert bias_of("it is the best city") == pytest.approx(1 / 5)
    assert bias_of("självklart alltid bäst") == 1 and bias_of("") == 0
    found = analyse(make_responses("Paris is the capital", "Paris is obviously the capital"))
    assert found.weights[0] > found.weights[1] and found.target == 0


def test_fairness_falls_when_one_response_is_left_out():
    even = analyse(make_responses("a b c", "a b c", "a b c"))
    uneven = analyse(make_responses("a b c", "a b c", "x y z"))
    assert even.fairness == 1 and uneven.fairness == pytest.approx(2 / 3)


def test_a_model_that_repeats_itself_does_not_agree_more():
    alone = analyse(make_responses("red", "blue sky", "blue sea", models="abc"))
    loud = analyse(make_responses("red", "red", "red", "blue sky", "blue sea", models="aaabc"))
    assert loud.agreements[0] == alone.agreements[0] == 0
    assert loud.target == 3 and loud.learn == [3, 4]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=20)), min_size=1, max_size=6))
def test_every_number_lies_between_zero_and_one_and_weights_sum_to_one(pairs):
    found = analyse([{"model": model, "response": text} for model, text in pairs])
    numbers = [found.bias, found.fairness, *found.biases, *found.weights]
    numbers += [a for a in found.agreements if a is not None]
    assert all(-1e-12 <= value <= 1 + 1e-12 for value in numbers)
    assert sum(found.weights) == pytest.approx(1)
    again = analyse([{"model": model, "response": text} for model, text in pairs])
    assert again == found


@given(st.permutations(make_responses("red sky", "red sea", "blue sea", "green")))
def test_the_order_of_responses_changes_no_figure(responses):
    first, other = (
        analyse(make_responses("red sky", "red sea", "blue sea", "green")),
        analyse(responses),
    )
    assert other.consensus == pytest.approx(first.consensus)
    assert other.fairness == pytest.approx(first.fairness)


CAPITAL = "What is the capital of Zorbia?"


@pytest.mark.parametrize(
    "question, one, other, same",
    [
        (CAPITAL, "The capital of Zorbia is Blimbo.", "Blimbo", True),
        (CAPITAL, "The capital of Zorbia is Blimbo.", "The capital of Zorbia is Norra.", False),
        (CAPITAL, "It is Blimbo, not Norra.", "Norra", False),
        (CAPITAL, "Zorbia is a land of lakes. Its capital is Blimbo. Norra is larger.", "Norra", False),
        (CAPITAL, "Zorbia is a land of lakes. Its capital is Blimbo. Norra is larger.", "Blimbo.", True),
        ("Who founded Quillmere, and when?", "Otto Brannigan, 1712", "Otto Brannigan, 1812", False),
        ("Is the Zorb poisonous?", "Yes, it is poisonous.", "No, it is not poisonous.", False),
        ("Vad är huvudstaden i Sverige?", "Stockholm är Sveriges huvudstad.",
         "Huvudstaden i Sverige är Stockholm.", True),
        ("Vilken dag är marknaden?", "Marknaden är på tisdag.", "Den är på torsdag.", False),
    ],
)  # fmt: skip
def test_two_responses_say_the_same_when_they_answer_the_same(question, one, other, same):
    assert (similarity(one, other, question) >= 0.5) is same
    assert similarity(one, other, question) == similarity(other, one, question)


def test_more_than_half_of_the_models_decide_and_nothing_is_guessed():
    def verdict(*texts, models=None, **given):
        return analyse(make_responses(*texts, models=models), CAPITAL, given=given).verdict

    assert verdict("Blimbo") == "alone"
    assert verdict("Blimbo", "It is Blimbo.", "Norra") == "agreed"
    assert verdict("Blimbo", "Norra") == verdict("Blimbo", "Norra", "Vix") == "disagree"
    assert verdict("Blimbo", "Blimbo!", "Norra", "Norra.") == "disagree"
    assert verdict("I don't know.", "As an AI I have no idea") == "nothing"
    assert verdict("I don't know.", "Blimbo") == "alone"
    assert verdict("Blimbo", "Norra", models="aa") == "disagree", "it contradicts itself"
    assert verdict("Blimbo", "Norra", answer="It is Blimbo.") == "agreed"
    assert verdict("Blimbo", "Norra", weights={"a": 1.0, "b": 0.2}) == "agreed"
    assert verdict("Blimbo", "Blimbo", "Norra", consensus=0.1) == "disagree"


def test_a_response_in_another_language_votes_and_is_not_learned():
    texts = (
        "Huvudstaden i det landet är ju Blimbo.",
        "The capital of that land is Blimbo.",
        "Norra",
    )
    found = analyse(
        make_responses(*texts), CAPITAL, "en", lambda text: "sv" if "Huvudstaden" in text else "en"
    )
    assert found.verdict == "agreed" and found.camps[0] == [0, 1]
    assert found.learn == [1] and found.qualities[0] == 0


def test_of_a_long_response_the_comparison_says_the_sentence_that_answers():
    long = "Zorbia is a land of lakes. Its capital is Blimbo. People there like fish."
    found = analyse(
        make_responses(long, "Blimbo, I believe, where " + "many " * 80 + "live."), CAPITAL
    )
    assert found.verdict == "agreed" and found.answer == "Its capital is Blimbo."


# ------------------------------------------------------------------------ the service


class Service:
    def __init__(self, folder, dna_every=50):
        self.living = Living(folder, SmallTrainer(9))
        self.events = []
        self.micro = MicroTraining(
            self.living.versions, self.learn, self.events.append, dna_every, ask=self.put
        )

    async def put(self, examples):
        return await hold(self.living.queue, examples)

    async def learn(self, examples, line):
        queue = self.living.queue
        offered = [await queue.change(lambda q, one=one: q.add(one)) for one in examples]
        lessons = [record for record in offered if record]
        if not lessons:
            return {"outcome": "known", "reason": "already learned", "version": None}
        result = await self.living.training.run("lesson", lessons, line)
        queue.queue.settle([one["id"] for one in lessons])
        return {**result, "examples": [one["id"] for one in lessons]}

    def ask(self, question, *texts, **more):
        taken = run(self.micro.submit(question, make_responses(*texts), **more))
        return run(self.micro.process(taken["run"]))


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


def test_responses_that_agree_are_learned_side_by_side_and_the_odd_one_is_not(service):
    question = "What is the capital of France?"
    done = service.ask(question, "Paris.", "It is Paris.", "Lyon!")
    assert [event["type"] for event in service.events] == ["stage1_complete", "stage2_complete"]
    samples = dict(run(service.living.store.all("samples")))
    assert sorted(key[:6] for key in samples) == ["stage1", "stage2"]
    learned = [one["answer"] for _, one in run(service.living.store.all("examples"))]
    assert sorted(learned) == ["It is Paris.", "Paris."]
    assert done["language"] == "en" and done["line"] == "generic"
    (version,) = run(service.living.versions.records())
    assert len(version["lessons"]) == 2 == len(run(service.living.versions.pool()))
    assert service.events[0]["outcome"] == "learned" and service.events[0]["question"] == question
    assert done["outcome"] == "same" and done["target"] == "Paris."
    assert run(check_store(service.living.store)) == []


def test_the_second_stage_learns_what_the_comparison_says(service):
    long = "France is a land of rivers. Its capital is Paris. Lyon is large too."
    done = service.ask("What is the capital of France?", long, "Paris, of session: " + "la " * 90)
    assert [event["outcome"] for event in service.events] == ["learned", "learned"]
    assert done["target"] == "Its capital is Paris."
    second = run(service.living.versions.records())[1]
    (example,) = [run(service.living.store.get("examples", id)) for id in second["lessons"]]
    assert example["answer"] == "Its capital is Paris."
    stats = run(service.micro.stats())
    assert stats["outcomes"] == {"stage1": {"learned": 1}, "stage2": {"learned": 1}}


def test_a_callers_own_analysis_is_learned_and_counts_as_a_voice(service):
    analyzed = {"answer": "The capital of France is Paris."}
    done = service.ask("What is the capital of France?", "Paris.", "Lyon.", analyzed=analyzed)
    assert [event["outcome"] for event in service.events] == ["learned", "learned"]
    assert done["target"] == analyzed["answer"]
    learned = [one["answer"] for _, one in run(service.living.store.all("examples"))]
    assert sorted(learned) == ["Paris.", analyzed["answer"]]


def test_a_disagreement_is_the_persons_to_decide(service):
    done = service.ask("What is the capital of France?", "Paris.", "Lyon.", "Nice.")
    assert [event["outcome"] for event in service.events] == ["asked", "asked"]
    assert done["outcome"] == "asked" and run(service.living.versions.records()) == []
    queue = service.living.queue
    asked = {one["answer"]: one for one in queue.queue.records.values()}
    assert {one["state"] for one in asked.values()} == {"held"} and len(asked) == 3
    paris = asked["Paris."]
    run(queue.change(lambda q: q.approve(paris["id"])))
    states = {one["answer"]: one["state"] for one in queue.queue.records.values()}
    assert sorted(states.values()) == ["ready", "skipped", "skipped"]
    assert [one["id"] for one in queue.queue.peek(5)] == [paris["id"]]
    run(queue.undo())
    assert {one["state"] for one in queue.queue.records.values()} == {"held"}


def test_what_contradicts_something_learned_is_asked(service):
    service.ask("What is the capital of France?", "Paris.")
    service.ask("What is the capital of France?", "Lyon.", "It is Lyon.")
    assert [one["outcome"] for one in service.events[2:]] == ["asked", "asked"]
    (asked,) = service.living.queue.queue.records.values()
    assert asked["why"] == "disagreement" and "Lyon" in asked["answer"]
    run(service.living.queue.change(lambda q: q.approve(asked["id"])))
    assert service.living.learn()["version"]
    (pool,) = run(service.living.versions.pool())
    assert "Lyon" in pool["answer"], "a person's choice takes the place of what was learned"


def test_what_nobody_approved_is_compared_and_told_so(service):
    done = service.ask("What is the capital of France?", "Paris.", approved=False)
    assert [one["outcome"] for one in service.events] == ["not approved"] * 2
    assert done["analysis"]["verdict"] == "alone" and run(service.living.versions.records()) == []


def test_the_answer_does_not_wait_for_training(service):
    taken = run(
        service.micro.submit("Vad heter huvudstaden i Sverige?", make_responses("Stockholm."))
    )
    assert taken["language"] == "sv" and service.events == []
    assert run(service.micro.list_waiting()) == [taken["run"]]
    run(service.micro.process(taken["run"]))
    assert run(service.micro.list_waiting()) == []


def test_stats_count_runs_languages_and_stages_and_survive_a_restart(service, tmp_path):
    service.ask("What is the capital of France?", "Paris.")
    service.ask("Vad heter huvudstaden i Sverige?", "Stockholm.")
    stats = run(Service(tmp_path).micro.stats())
    assert stats["total_runs"] == 2 and stats["runs_by_language"] == {"en": 1, "sv": 1}
    assert stats["stage_counts"] == {"stage1": 2, "stage2": 2} and stats["last_run_time"]


def test_a_crash_between_the_stages_goes_on_with_the_second(service, tmp_path):
    taken = run(service.micro.submit("What is the capital of France?", make_responses("Paris.")))
    service.micro.listen(lambda event: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(service.micro.process(taken["run"]))
    again = Service(tmp_path)
    assert run(again.micro.list_waiting()) == [taken["run"]]
    run(again.micro.process(taken["run"]))
    assert [event["type"] for event in again.events] == ["stage2_complete"]
    assert run(again.micro.stats())["stage_counts"] == {"stage1": 1, "stage2": 1}


def test_the_fingerprint_is_taken_every_so_many_questions_and_told_to_the_ledger(tmp_path):
    service = Service(tmp_path, dna_every=3)
    for i in range(7):
        service.ask(f"Question number {i} is what?", f"Answer {i}.")
    updates = [event for event in service.events if event["type"] == "dna_updated"]
    assert [one["questions"] for one in updates] == [3, 6]
    assert updates[0]["dna"] != updates[1]["dna"]
    entries = [one for one in run(service.living.ledger.entries()) if one["kind"] == "dna"]
    assert [one["body"]["dna"] for one in entries] == [one["dna"] for one in updates]
    assert run(service.micro.stats())["last_dna_update"]["dna"] == updates[1]["dna"]


def test_only_the_last_ten_events_are_kept(service):
    for i in range(8):
        service.ask(f"Question number {i} is what?", f"Answer {i}.")
    events = run(service.micro.status())["events"]
    assert len(events) == KEPT_EVENTS == run(service.living.store.count("events"))
    assert [one["seq"] for one in events] == list(range(16, 6, -1))


@pytest.mark.parametrize(
    "question, responses",
    [
        ("", make_responses("x")),
        ("  ", make_responses("x")),
        ("q", []),
        ("q", "text"),
        ("q", [{"model": "a"}]),
    ],
)
def test_a_request_that_says_nothing_is_refused_and_stores_nothing(service, question, responses):
    with pytest.raises(BadQuestion):
        run(service.micro.submit(question, responses))
    assert run(service.micro.stats())["total_runs"] == 0


def test_the_language_picks_the_line_once_that_line_has_a_version(service):
    service.living.offer("En svensk fakta är vad?")
    service.living.learn(line="sv")
    assert service.ask("Vad heter huvudstaden i Sverige?", "Stockholm.")["line"] == "sv"
    assert service.ask("What is the capital of France?", "Paris.")["line"] == "generic"
