"""Several base models in one run through the HTTP API: turns, weights, results of each, restarts,
and refusals."""

import gc
import json
import weakref

import pytest

from tests.support import second_model
from tests.support.hosts import native
from tests.support.runs import START, find_run, import_dataset, in_time

pytestmark = pytest.mark.slow
BODY = {"datasetId": "times-two", "epochs": 3, "learningRate": 5e-4, "autoStopThreshold": 0}
COMPARE = "/api/models/compare"
RUNS = "/api/training/runs"
BOTH = ["tiny", "small"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return second_model.write_model(tmp_path_factory.mktemp("models"))


def start_run(host, models, **more):
    """Start a run; it waits until `over` is called."""
    host.learn_later()
    answer = host.ask("POST", START, BODY | {"baseModels": models} | more)
    assert answer.status == 202, answer.text
    return answer.json()


def over(host, run):
    host.learn_now()
    return in_time(lambda: (one := find_run(host, run))["results"] and one, 400)


def list_versions(host):
    """The stored versions of all base models."""
    return [one for _, one in host.inside(lambda service: service.store.all("versions"))]


def sha256_of(host):
    return {one["base"]: one["weights_sha256"] for one in list_versions(host)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small):
    """An uninterrupted run of both models: what it announced, reported, stored and left."""
    folder = tmp_path_factory.mktemp("whole")
    with native(folder, beside={"small": small}) as host:
        import_dataset(host)
        begun = start_run(host, BOTH)
        with host.listen(f"/api/events?runId={begun['runId']}") as listener:
            kept = over(host, begun["runId"])
            listener.wait("training_complete")
        ask = f"/api/training/{begun['runId']}/"
        yield {
            "begun": begun,
            "kept": kept,
            "seen": listener.seen,
            "steps": host.ask("GET", ask + "metrics").json()["metrics"],
            "board": host.ask("GET", ask + "leaderboard").json()["leaderboard"],
            "made": list_versions(host),
            "files": folder / "runs" / begun["runId"],
            "host": host,
        }


def events(whole, kind):
    return [one for one in whole["seen"] if one["type"] == kind]


def multipliers(losses, low=0.5, high=1.5, boost=0.3, penalty=0.4):
    """The rate multipliers of each epoch and of the next one, computed again by the documents'
    rule."""
    now, found = dict.fromkeys(losses[0], 1.0), []
    for epoch in losses:
        found.append(now)
        best, worst = min(epoch, key=epoch.get), max(epoch, key=epoch.get)
        better, worse = min(high, now[best] * (1 + boost)), max(low, now[worst] * (1 - penalty))
        now = now | {best: better, worst: worse}
    return [*found, now]


def test_each_model_has_its_own_losses_version_and_place_on_the_board(whole):
    needs = whole["begun"]["needs"]
    assert whole["begun"]["models"] == BOTH and set(needs["models"]) == set(BOTH)
    assert needs["memory_bytes"] == max(one["memory_bytes"] for one in needs["models"].values())
    losses = [one["val_losses"] for one in events(whole, "epoch_end")]
    assert [set(one) for one in losses] == [set(BOTH)] * 3
    assert all(losses[-1][model] < losses[0][model] for model in BOTH)
    assert losses[0]["tiny"] != losses[0]["small"]
    results, names = whole["kept"]["results"], {one["base"]: one["name"] for one in whole["made"]}
    best = min(BOTH, key=losses[-1].get)
    assert results["best"] == best and results["version_name"] == names[best]
    assert {m: one["version_name"] for m, one in results["models"].items()} == names
    assert [one["rank"] for one in whole["board"]] == [1, 2] and whole["board"][0]["model"] == best
    assert {one["model"]: one["version"] for one in whole["board"]} == names
    assert {one["model"]: one["loss"] for one in whole["board"]} == losses[-1]
    left = json.loads((whole["files"] / "oneseek_dna.json").read_text())
    assert {model: one["version"] for model, one in left.items()} == names


def test_the_losses_of_an_epoch_set_the_weights_and_the_rates_of_the_next(whole):
    losses = [one["val_losses"] for one in events(whole, "epoch_end")]
    given = multipliers(losses)
    adjusted = events(whole, "weight_adjustment")
    assert [one["epoch"] for one in adjusted][:2] == [1, 2]
    for one in adjusted:
        now = given[one["epoch"]]
        weights = {model: now[model] / sum(now.values()) for model in BOTH}
        assert one["weights"] == pytest.approx(weights)
        assert one["lr_multipliers"] == pytest.approx({m: 5e-4 * now[m] for m in BOTH})
    for model in BOTH:
        steps = [one for one in whole["steps"] if one["run"].endswith(f".{model}")]
        falling = [5e-4 * (1 - 0.9 * (n + 1) / 9) * given[n // 3][model] for n in range(9)]
        assert [one["learning_rate"] for one in steps] == pytest.approx(falling)


@pytest.mark.long
def test_the_strategy_asked_for_is_the_one_that_acts(tmp_path, small):
    strategy = {"top_model_boost": 0.9, "bottom_model_penalty": 0.1, "normalize_weights": False}
    asked = {"max_multiplier": 1.4, "adjust_strategy": strategy}
    with native(tmp_path, beside={"small": small}) as host:
        import_dataset(host)
        run = start_run(host, BOTH, epochs=1, adaptiveWeights=asked)["runId"]
        with host.listen(f"/api/events?runId={run}") as listener:
            over(host, run)
            told = listener.wait("weight_adjustment")
        losses = listener.wait("epoch_end")["val_losses"]
        best = min(losses, key=losses.get)
        assert told["weights"] == {m: 1.4 if m == best else 0.9 for m in BOTH}


@pytest.mark.long
def test_a_run_of_two_models_goes_on_to_the_same_bits_after_a_restart(tmp_path, whole, small):
    with native(tmp_path, beside={"small": small}) as host:
        import_dataset(host)
        run = start_run(host, BOTH)["runId"]
        with host.listen(f"/api/events?runId={run}") as listener:
            host.learn_now()
            listener.wait("step", model="small", step=5)
    with native(tmp_path, beside={"small": small}) as host:
        kept = over(host, run)
        assert [one["val_losses"] for one in kept["metrics"]] == [
            one["val_losses"] for one in whole["kept"]["metrics"]
        ]
        assert sha256_of(host) == {one["base"]: one["weights_sha256"] for one in whole["made"]}


@pytest.mark.long
def test_a_version_of_either_is_trained_again_to_the_same_bits(whole):
    async def again(service):
        for one in whole["made"]:
            await service.store.batch([["delete", "snapshots", one["number"]]])
            assistant = await service.assistant_for(one["base"])
            await assistant.learner.rebuilder.weights(one["number"])  # which checks their hash
        return len(whole["made"])

    assert whole["host"].inside(again) == 2


@pytest.mark.long
def test_models_beside_the_one_that_answers_are_loaded_one_at_a_time(tmp_path, small):
    names = ["small", "twin"]
    with native(tmp_path, beside=dict.fromkeys(names, small)) as host:
        import_dataset(host)
        known, most, there = host.service.guests.known, [], weakref.WeakSet()

        def count_loads(guest):
            async def load(turns):
                gc.collect()
                most.append(len(there) + 1)
                there.add(assistant := await guest.load(turns))
                return assistant

            return guest._replace(load=load)

        known.update({name: count_loads(guest) for name, guest in known.items()})
        kept = over(host, start_run(host, names, epochs=2)["runId"])
        assert all(
            one["val_losses"]["small"] == one["val_losses"]["twin"] for one in kept["metrics"]
        )
        assert len(set(sha256_of(host).values())) == 1 and set(sha256_of(host)) == set(names)
        assert len(most) >= 6 and set(most) == {1}, most
        gc.collect()
        assert not there
        assert host.ask("GET", "/api/models/versions").json() == {"current": 0, "versions": []}


def test_what_is_not_there_or_has_no_room_is_refused_by_name_before_anything(tmp_path, small):
    with native(tmp_path, beside={"small": small}) as host:
        import_dataset(host)
        no = host.ask("POST", START, BODY | {"baseModels": ["tiny", "gpt-9"]})
        assert no.status == 400 and "'gpt-9'; there are: tiny, small" in no.error["message"]
        wrong = BODY | {"baseModels": BOTH, "adaptiveWeights": {"min_multiplier": 2}}
        no = host.ask("POST", START, wrong)
        assert no.status == 400 and "min_multiplier" in no.error["message"]
        host.service.guests.free = lambda: 1e3
        no = host.ask("POST", START, BODY | {"baseModels": BOTH})
        assert (no.status, no.error["code"]) == (409, "no_room")
        assert "small needs" in no.error["message"] and "nothing was changed" in no.error["message"]
        assert host.ask("GET", "/api/training/runs").json() == {"runs": []}


@pytest.mark.long
def test_a_run_of_two_models_is_ended_and_leaves_nothing(tmp_path, small):
    with native(tmp_path, beside={"small": small}) as host:
        import_dataset(host)
        run = start_run(host, BOTH, epochs=50)["runId"]
        with host.listen(f"/api/events?runId={run}") as listener:
            host.learn_now()
            listener.wait("epoch_end")
        assert host.ask("POST", f"/api/training/{run}/cancel").json()["state"] == "cancelled"
        assert list_versions(host) == [] and host.service.guests.here is None
        left = [str(key) for key in host.inside(lambda service: service.store.keys("snapshots"))]
        assert not [key for key in left if key.startswith("round.")]


def test_versions_of_two_models_are_compared_blind_and_counted(whole):
    host = whole["host"]
    asked = {"question": "What is 4 times two?", "one": "tiny:v1.0", "other": "small:v1.0"}
    assert host.ask("POST", COMPARE, asked | {"other": "small:v7.7"}).status == 404
    told = host.ask("POST", COMPARE, asked).json()
    texts = {name: host.ask("POST", "/api/oqt/multi-model-query", {**asked, "models": [name]})
             .json()["responses"][0]["response"] for name in ("tiny:v1.0", "small:v1.0")}  # fmt: skip
    assert texts["tiny:v1.0"] != texts["small:v1.0"]
    said = host.ask("POST", f"{COMPARE}/{told['comparison']}", {"winner": 1}).json()
    assert {said["first"], said["second"]} == {"v1.0", "small:v1.0"}
    names = {"v1.0": "tiny:v1.0", "small:v1.0": "small:v1.0"}
    assert told["answers"] == [texts[names[said[place]]] for place in ("first", "second")]
    board = host.ask("GET", "/api/models/leaderboard").json()["leaderboard"]
    wins = {one["model"]: (one["wins"], one["games"]) for one in board}
    assert wins == {said["first"]: (1, 1), said["second"]: (0, 1)}
    run = host.ask("GET", f"/api/training/{whole['begun']['runId']}/leaderboard").json()
    won = {one["model"]: one["wins"] for one in run["leaderboard"]}
    assert sorted(won.values()) == [0, 1]


def test_a_run_of_a_model_that_is_no_longer_there_says_for_which_it_waits(tmp_path, small):
    def runs(host):
        return [(one["state"], one["waits_for"]) for one in host.ask("GET", RUNS).json()["runs"]]

    with native(tmp_path, beside={"small": small}) as host:
        import_dataset(host)
        start_run(host, BOTH)
        assert runs(host) == [("ready", [])]
    with native(tmp_path) as host:
        assert runs(host) == [("ready", ["small"])]
        (run,) = host.ask("GET", RUNS).json()["runs"]
        ended = host.ask("POST", f"/api/training/{run['runId']}/cancel")
        assert ended.status == 200 and runs(host) == [("cancelled", [])]
