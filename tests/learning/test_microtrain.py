"""Micro-training: two stages after every question, with numbers that mean what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.history.audit import check_store
from engine.learning.microtrain import KEPT_EVENTS, BadQuestion, MicroTraining
from engine.learning.responses import analyse, bias_of, similarity
from tests.support.living import Living, run
from tests.support.small_trainer import SmallTrainer


def said(*texts, models=None):
    return [{"model": (models or "abcdefgh")[i], "response": text} for i, text in enumerate(texts)]


def test_consensus_is_one_for_equal_and_zero_for_disjoint_responses():
    assert analyse(said("Paris is it", "paris IS it.")).consensus == 1
    assert analyse(said("red", "blue")).consensus == 0
    assert similarity("the cat", "the dog") == pytest.approx(1 / 3)


def test_a_single_response_has_no_consensus_and_all_the_weight():
    found = analyse(said("Paris"))
    assert found.consensus is None and found.weights == [1.0] and found.fairness == 1.0


def test_bias_is_the_share_of_words_that_judge_or_exaggerate():
    assert bias_of("it is the best city") == pytest.approx(1 / 5)
    assert bias_of("självklart alltid bäst") == 1 and bias_of("") == 0
    found = analyse(said("Paris is the capital", "Paris is obviously the capital"))
    assert found.weights[0] > found.weights[1] and found.target == 0


def test_fairness_falls_when_one_response_is_left_out():
    even = analyse(said("a b c", "a b c", "a b c"))
    uneven = analyse(said("a b c", "a b c", "x y z"))
    assert even.fairness == 1 and uneven.fairness == pytest.approx(2 / 3)


def test_a_model_that_repeats_itself_does_not_agree_more():
    alone = analyse(said("red", "blue sky", "blue sea", models="abc"))
    loud = analyse(said("red", "red", "red", "blue sky", "blue sea", models="aaabc"))
    assert loud.agreements[0] == alone.agreements[0] == 0
    assert loud.target == 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=20)), min_size=1, max_size=6))
def test_every_number_lies_between_zero_and_one_and_weights_sum_to_one(pairs):
    found = analyse([{"model": model, "response": text} for model, text in pairs])
    numbers = [found.bias, found.fairness, *found.biases, *found.weights]
    numbers += [a for a in found.agreements if a is not None]
    assert all(-1e-12 <= value <= 1 + 1e-12 for value in numbers)
    assert sum(found.weights) == pytest.approx(1)
    again = analyse([{"model": model, "response": text} for model, text in pairs])
    assert again == found


@given(st.permutations(said("red sky", "red sea", "blue sea", "green")))
def test_the_order_of_responses_changes_no_figure(responses):
    first, other = analyse(said("red sky", "red sea", "blue sea", "green")), analyse(responses)
    assert other.consensus == pytest.approx(first.consensus)
    assert other.fairness == pytest.approx(first.fairness)


# ------------------------------------------------------------------------ the service


class Service:
    def __init__(self, folder, dna_every=50):
        self.living = Living(folder, SmallTrainer(9))
        self.events = []
        self.micro = MicroTraining(self.living.versions, self.learn, self.events.append, dna_every)

    async def learn(self, examples, line):
        queue = self.living.queue
        offered = [await queue.change(lambda q, one=one: q.add(one)) for one in examples]
        lessons = [record for record in offered if record]
        if not lessons:
            return {"outcome": "known", "reason": "already learned", "version": None}
        result = await self.living.training.run("lesson", lessons, line)
        queue.queue.settle([one["id"] for one in lessons])
        return {**result, "examples": [one["id"] for one in lessons]}

    def ask(self, question, *texts):
        taken = run(self.micro.submit(question, said(*texts)))
        return run(self.micro.process(taken["run"]))


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


def test_a_question_gives_two_stages_samples_and_events(service):
    done = service.ask("What is the capital of France?", "Paris.", "It is Paris.", "Lyon!")
    assert [event["type"] for event in service.events] == ["stage1_complete", "stage2_complete"]
    samples = dict(run(service.living.store.all("samples")))
    assert sorted(key[:6] for key in samples) == ["stage1", "stage2"]
    assert done["analysis"]["target"] == 0 and done["target"] == "Paris."
    assert done["language"] == "en" and done["line"] == "generic"
    assert len(run(service.living.versions.records())) == 1
    assert done["outcome"] == "known", "stage 2 has nothing new when stage 1 learned its target"
    assert run(check_store(service.living.store)) == []


def test_the_answer_does_not_wait_for_training(service):
    taken = run(service.micro.submit("Vad heter huvudstaden i Sverige?", said("Stockholm.")))
    assert taken["language"] == "sv" and service.events == []
    assert run(service.micro.waiting()) == [taken["run"]]
    run(service.micro.process(taken["run"]))
    assert run(service.micro.waiting()) == []


def test_stats_count_runs_languages_and_stages_and_survive_a_restart(service, tmp_path):
    service.ask("What is the capital of France?", "Paris.")
    service.ask("Vad heter huvudstaden i Sverige?", "Stockholm.")
    stats = run(Service(tmp_path).micro.stats())
    assert stats["total_runs"] == 2 and stats["runs_by_language"] == {"en": 1, "sv": 1}
    assert stats["stage_counts"] == {"stage1": 2, "stage2": 2} and stats["last_run_time"]


def test_a_crash_between_the_stages_goes_on_with_the_second(service, tmp_path):
    taken = run(service.micro.submit("What is the capital of France?", said("Paris.")))
    service.micro.emit = lambda event: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(service.micro.process(taken["run"]))
    again = Service(tmp_path)
    assert run(again.micro.waiting()) == [taken["run"]]
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
    [("", said("x")), ("  ", said("x")), ("q", []), ("q", "text"), ("q", [{"model": "a"}])],
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
