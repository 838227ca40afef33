"""Reads the stores that the engine writes, in the order in which the page shows them."""

import hashlib
import json

from oneseek.engine.core.exchange.entries import DATA_SET
from oneseek.engine.core.next_work import rounds_away

POINTS = 400
"""Most steps that the chart shows."""

RUNS = ("version", "rejection")
"""The kinds of ledger entries that end a round."""


MAKES = ("version", "promotion")
"""The kinds of ledger entries on the making of a version."""


async def rows(store, name, limit=0, newest=False):
    return [record for _, record in await store.all(name, None, limit, newest)]


def label(version):
    """`v1.7`, as people call a version; the base model is `v0`."""
    return "v%d.%d" % (version["major"], version["micro"]) if version else "v0"


async def versions(store):
    """The versions, newest first, each with its label."""
    found = await rows(store, "versions", newest=True)
    for version in found:
        version["label"] = label(version)
    return found


async def versions_and_weights(store):
    """The versions, each with the rounds to train again because its weights were cleared away."""
    found = await versions(store)
    away = rounds_away(found, set(await store.keys("snapshots")))
    for version in found:
        version["rounds_away"] = away[version["number"]]
    return found


async def in_use(store, model):
    """The version that the chat uses with this model; None is the base model."""
    pointer = await store.get("state", "current.%s.generic" % model)
    number = pointer and pointer["number"]
    return await store.get("versions", number) if number else None


async def list_runs(store, most):
    """The last runs over data sets, newest first. The engine may delete one while they are read:
    the runs of a skill go with it."""
    keys = [key for key in await store.keys("state") if key.startswith("run-")]
    found = []
    for key in sorted(keys, reverse=True)[:most]:
        found.append(await store.get("state", key))
    return [run for run in found if run]


async def rejections(store):
    """The ledger's entries on rounds whose result was not used, newest first."""
    entries = await rows(store, "ledger", 200, newest=True)
    return [entry for entry in entries if entry["kind"] == "rejection"]


async def refusal_of(store, id):
    """The ledger's entry on the last attempt at this lesson that was not used, or None."""
    found = await rejections(store)
    return next((one for one in found if id in (one["body"].get("lessons") or ())), None)


async def entries_of(store, number):
    """The ledger's entries on a version, oldest first. After a reset numbers begin again."""
    found = []
    for entry in await rows(store, "ledger"):
        if entry["kind"] == "reset":
            found = []
        if entry["kind"] in MAKES and entry["body"]["number"] == number:
            found.append(entry)
    return found


async def samples(store, example):
    """The stages of the question that an example answers, each with its name."""
    source, found = example["source"], []
    for key, sample in await store.all("samples"):
        mine = sample["run"] == source.get("run")
        here = sample["source"].get("chat") and sample["source"]["chat"] == source.get("chat")
        if mine or (here and sample["question"] == example.get("prompt")):
            found.append(dict(sample, stage=key.split("_", 1)[0]))
    return found


async def curves(store):
    """The last runs, oldest first: {"run", "points": [[step, loss, held-out loss or None]...],
    "version"}.

    The version is the number of the one it led to, 0 when it was not used, None while it goes on.
    """
    found = []
    for _, row in reversed(await store.all("metrics", None, POINTS, True)):
        if not found or found[-1]["run"] != row["run"]:
            found.append({"run": row["run"], "points": []})
        found[-1]["points"].append([row["step"], row["loss"], row.get("held_out")])
        found[-1]["version"] = row.get("version")
    return found


async def events(store, count):
    """The last events, newest first: the ledger's entries and those of the stages."""
    entries = await rows(store, "ledger", count, newest=True)
    told = [{"kind": e["kind"], "time": e["time"], "data": e["body"]} for e in entries]
    stages = await rows(store, "events", count, newest=True)
    told += [{"kind": e["type"], "time": e["timestamp"], "data": e} for e in stages]
    order = sorted((-event["time"], place) for place, event in enumerate(told))
    return [told[place] for _, place in order[:count]]  # MicroPython's sort is not stable


async def statistics(store):
    """Counts for the Activity panel: of questions, as /api/training/micro/stats tells them, and of
    rounds of training."""
    found = {"languages": {}, "stage1": 0, "stage2": 0, "questions": 0, "last": 0, "dna": 0}
    rounds = sum([entry["kind"] in RUNS for entry in await rows(store, "ledger")])
    found.update(learned=0, asked=0, rounds=rounds)
    micro = await store.get("state", "micro")
    if micro:
        found.update(micro["stage_counts"])
        outcomes = micro.get("outcomes") or {}
        found["learned"] = sum(stage.get("learned", 0) for stage in outcomes.values())
        found["asked"] = outcomes.get("stage1", {}).get("asked", 0)
        found["languages"] = micro["runs_by_language"]
        found["questions"], found["last"] = micro["total_runs"], micro["last_run_time"] or 0
        update = micro.get("last_dna_update")
        found["dna"] = update["timestamp"] if update else 0
    return found


async def examples(store):
    """Every fact, newest first; data sets are left out."""
    found = [one for one in await rows(store, "examples") if one.get("kind") != DATA_SET]
    found.sort(key=lambda example: -example["time"])
    return found


async def sources(store, limit):
    """The newest sources; their keys begin with the time."""
    return await rows(store, "sources", limit, newest=True)


def measures(gate):
    """The gate's measures: [{name, value, limit, ok}]."""
    return (gate or {}).get("measures", [])


def find_measure(gate, name):
    return next((one["value"] for one in measures(gate) if one["name"] == name), None)


def config_changes(version, parent):
    """The settings that differ from the version before, as (name, before, now)."""
    if not parent:
        return []
    now, before = version["config"], parent["config"]
    return [(key, before.get(key), now[key]) for key in sorted(now) if now[key] != before.get(key)]


def fingerprint(version, versions):
    """The DNA of a version, as the engine computes it (engine/history/certificate.py): a hash of
    the examples it learned from and of its weights. `versions` are all there are, in any order."""
    known = {one["number"]: one for one in versions}
    examples, at = set(), version["number"]
    while at:
        examples.update(known[at]["lessons"])
        at = known[at]["parent"]
    name, weights = json.dumps(version["name"]), json.dumps(version["weights_sha256"])
    ids = ",".join([json.dumps(id) for id in sorted(examples)])
    text = '{"examples":[%s],"version":%s,"weights_sha256":%s}' % (ids, name, weights)
    return "".join(["%02x" % byte for byte in hashlib.sha256(text.encode()).digest()])
