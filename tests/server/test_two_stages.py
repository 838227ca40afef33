"""Twenty questions to three services of known reliability, through the HTTP API: what both stages
learn, compared with each stage alone; contradictions are asked about and never guessed."""

import pytest

from oneseek.engine.learning.lessons import has_value
from tests.bench.stages import decide, make_questions
from tests.support.hosts import SHORTEST, native

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_both_stages_learn_what_is_agreed_and_ask_what_is_not(tmp_path):
    questions = make_questions()
    alone = {row["question"]: row for row in map(decide, questions)}
    sure = [row for row in alone.values() if row["second"] is not None]
    with native(tmp_path) as host:
        trainer = host.service.learner.trainer
        trainer.config = trainer.config.replace(lesson=SHORTEST)
        runs = {}
        with host.listen("/api/events") as events:
            for one in questions:
                body = {"question": one["question"], "raw_responses": one["responses"]}
                asked_for = host.ask("POST", "/api/training/micro", body).json()
                runs[one["question"]] = asked_for["run"]
            host.learn_now()
            for run in runs.values():
                events.wait("stage2_complete", 300, run=run)
        stats = host.ask("GET", "/api/training/micro/stats").json()
        learned = host.inside(lambda service: service.store.all("examples"))
        samples = dict(host.inside(lambda service: service.store.all("samples")))
        held = host.ask("GET", "/api/queue").json()["held"]
    answers: dict[str, list[str]] = {}
    for _, example in learned:
        answers.setdefault(example["prompt"], []).append(example["answer"])
    disagreed = {question for question, row in alone.items() if row["second"] is None}
    assert {one["prompt"] for one in held} == disagreed and not disagreed & set(answers)
    assert stats["outcomes"]["stage1"] == {"learned": len(sure), "asked": len(disagreed)}
    truth = {one["question"]: one["truth"] for one in questions}
    first, second = ({q for q in answers if alone[q][f"{n}_right"]} for n in ("first", "second"))
    right = {q for q, texts in answers.items() if all(has_value(t, truth[q]) for t in texts)}
    told = {
        "questions": len(questions), "asked": len(disagreed), "learned": len(answers),
        "both right": len(right), "first alone": len(first), "second alone": len(second),
        "last listed": sum(row["last_listed_right"] for row in alone.values()),
    }  # fmt: skip
    print(told)
    assert len(answers) == len(sure) and right == first & second
    assert len(right) > told["last listed"] and len(right) / len(answers) >= 0.9
    for question, run in runs.items():
        both = [samples[f"stage{n}_{run}"] for n in (1, 2)]
        if question not in disagreed:
            new = both[1]["target"] not in [one["response"] for one in both[0]["responses"]]
            assert both[1]["outcome"] == ("learned" if new else "same"), both[1]
