"""A server that is told facts without end must still end its lessons, and know each fact long
before the current lesson is over."""

import threading

from tests.support.hosts import native


def teach_fact(host, number):
    """Teach one more fact, as a client does."""
    said = f"The boat of neighbour {number} is called Wave {number}."
    asked = {"prompt": f"What is the boat of neighbour {number} called?", "answer": said}
    assert host.ask("POST", "/api/queue", asked).status == 201


def test_lessons_end_while_facts_are_told_without_end(tmp_path):
    with native(tmp_path) as host, host.listen("/api/events") as listener:
        over = threading.Event()
        remember = host.service.assistant.mind.remember

        async def another_meanwhile(ids=()):
            """Offer the next fact while one is being remembered."""
            if not over.is_set():
                number = len(host.service.queue.queue.records)
                await host.service.offer(lesson(number))
            return await remember(ids)

        host.service.assistant.mind.remember = another_meanwhile
        host.learn_now()
        teach_fact(host, 0)
        listener.wait("round_ended", kind="lesson")
        over.set()


def test_a_fact_told_during_a_lesson_is_known_before_the_lesson_ends(tmp_path):
    with native(tmp_path) as host, host.listen("/api/events") as listener:
        step_done, asked = host.service.step_done, []

        async def teach_at_first_step(round):
            if not asked:
                asked.append(await host.service.offer(lesson(2)))
            await step_done(round)

        host.service.step_done = teach_at_first_step
        host.learn_now()
        teach_fact(host, 1)
        listener.wait("round_ended", kind="lesson")
        order = [(one["type"], one.get("facts")) for one in listener.seen]
        known = next(i for i, (_, facts) in enumerate(order) if facts == [asked[0]["id"]])
        assert known < [kind for kind, _ in order].index("round_ended")


def lesson(number):
    return {
        "kind": "exchange", "priority": "chat", "language": "en", "source": {"kind": "api"},
        "prompt": f"What is the boat of neighbour {number} called?",
        "answer": f"The boat of neighbour {number} is called Wave {number}.",
    }  # fmt: skip
