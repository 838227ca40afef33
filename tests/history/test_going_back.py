"""After the lessons of one day every version must be usable, checkable, exportable and restorable,
even if its weights were cleared away."""

import time
import urllib.request

import pytest

from oneseek.engine.learning.rebuilder import Rebuilder
from oneseek.engine.learning.replay import History
from tests.support.hosts import native
from tests.support.living import Living, run
from tests.support.small_trainer import SmallTrainer

DAYS = [4, pytest.param(12, marks=pytest.mark.long)]  # lessons; only three snapshots are kept
VERSIONS = "/api/models/versions"


def lesson(number):
    return {
        "prompt": f"What is room {number} called?",
        "answer": f"Room {number} is called Hall{number}.",
        "priority": "correction",
    }


def list_versions(host):
    return host.ask("GET", VERSIONS).json()["versions"]


def teach(host, number):
    """Teach one lesson and wait for its version."""
    before = len(list_versions(host))
    assert host.ask("POST", "/api/queue", lesson(number)).status == 201
    until = time.monotonic() + 300
    while len(list_versions(host)) == before:
        assert time.monotonic() < until, "the lesson did not become a version"
        host.learn_now()
        time.sleep(0.1)


def every_way_to(host, version):
    """Use, check and export a version; each must succeed. Returns the exported adapter."""
    at = f"{VERSIONS}/{version['number']}"
    used = host.ask("POST", at + "/activate")
    assert used.status == 200 and used.json()["current"] == version["number"]
    assert host.ask("GET", at + "/verify").json() == {"ok": True, "findings": []}
    exported = host.ask("GET", at + "/export").json()
    assert exported["name"] == version["name"]
    with urllib.request.urlopen(host.base + at + "/certified", timeout=60) as certified:
        assert certified.status == 200 and certified.read(2) == b"PK"
    return exported["files"]["adapter_model.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("lessons", DAYS)
def test_every_version_of_a_day_is_reached_also_after_a_restart(tmp_path, lessons):
    with native(tmp_path) as host:
        for number in range(lessons):
            teach(host, number)
        versions = list_versions(host)[::-1]
        assert len(versions) == lessons
        away = [one["rebuilt_from"] for one in versions]
        assert away == [*range(1, lessons - 2), 0, 0, 0]
        with host.listen("/api/events") as heard:
            assert host.ask("POST", f"{VERSIONS}/1/activate").status == 200
            told = heard.wait("version_rebuilding", 60, version="v0.1", done=1.0)
            assert told["rounds"] == 1 and told["seconds_left"] == 0.0
        files = [every_way_to(host, version) for version in versions]
        assert len(set(files)) == lessons
        assert [one["rebuilt_from"] for one in list_versions(host)] == [0] * lessons
        host.ask("POST", f"{VERSIONS}/{lessons}/activate")
        teach(host, lessons)
        assert list_versions(host)[-1]["rebuilt_from"] == 1
    with native(tmp_path) as host:
        assert [every_way_to(host, version) for version in versions] == files
        host.ask("POST", f"{VERSIONS}/3/activate")
        assert host.ask("POST", "/api/models/rollback").json()["current"] == 2


def whole(living):
    async def nobody_trains():
        pass

    return Rebuilder(living.versions, History(living.versions, living.trainer), nobody_trains)


def test_a_version_comes_back_in_the_words_it_was_taught_with(tmp_path):
    """Retraining must use the wordings of the original lesson, not one that a later lesson
    added."""
    living = Living(tmp_path, WordingTrainer())
    first = living.teach("one", phrasings=["uno"])["version"]
    living.teach("two")
    again = living.teach("one", phrasings=["uno", "ett"], priority="correction")["version"]
    assert again["lessons"] == first["lessons"]
    run(living.store.batch([["delete", "snapshots", number] for number in (1, 2, 3)]))
    heard = []
    back = whole(living)
    back.tell = heard.append
    for number in (3, 1, 2):
        run(back.weights(number))
    assert run(living.versions.weights(2))
    assert [one["version"] for one in heard if one["done"] == one["rounds"]] == [
        "v0.3", "v0.1", "v0.2"
    ]  # fmt: skip
    assert max(one["rounds"] for one in heard) == 3


class WordingTrainer(SmallTrainer):
    """The small trainer, which also learns the phrasings."""

    def __init__(self):
        super().__init__(tolerance=9)

    def begin(self, weights, plan):
        attempt = super().begin(weights, plan)
        plain, wanted = attempt._loss, plan.lessons + plan.pool

        def loss(rows, draw):
            worded = [
                {**row, "prompt": wording}
                for row in rows
                for wording in next(o for o in wanted if o["id"] == row["id"])["phrasings"]
            ]
            return plain([*rows, *worded], draw)

        attempt._loss = loss
        return attempt
