"""Blind comparisons through the HTTP API: the authors are revealed only after the choice, and the
board counts it."""

import pytest

from tests.support.hosts import native

pytestmark = pytest.mark.slow
FACT = {"prompt": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
COMPARE = "/api/models/compare"


def test_versions_are_compared_blind_and_their_wins_are_kept(tmp_path):
    def board(host):
        return host.ask("GET", "/api/models/leaderboard").json()["leaderboard"]

    asked = {"question": "What is a tree?", "one": "v0.1", "other": "v0"}
    with native(tmp_path) as host:
        with host.listen("/api/events") as events:
            host.ask("POST", "/api/queue", FACT)
            host.learn_now()
            events.wait("round_ended", 240)
        assert board(host)[0]["games"] == 0
        assert host.ask("POST", COMPARE, asked | {"other": "v0.1"}).status == 400
        assert host.ask("POST", COMPARE, asked | {"other": "v7.7"}).status == 404
        wins = 0.0
        for winner in (1, 2, 0):
            told = host.ask("POST", COMPARE, asked).json()
            assert set(told) == {"comparison", "answers"} and len(told["answers"]) == 2
            at = f"{COMPARE}/{told['comparison']}"
            said = host.ask("POST", at, {"winner": winner}).json()
            assert {said["first"], said["second"]} == {"v0.1", "v0"}
            chosen = (None, said["first"], said["second"])[winner]
            wins += 0.5 if chosen is None else chosen == "v0.1"
            assert host.ask("POST", at, {"winner": winner}).status == 404, "counted once"
        expected = board(host)
        assert (expected[0]["wins"], expected[0]["games"]) == (wins, 3)
    with native(tmp_path) as host:
        assert board(host) == expected
