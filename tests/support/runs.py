"""Runs over small data sets, and their gate."""

import json
import time

START = "/api/admin/training/start-dna-v2"
SAID = "It is {}, and that is an even number, as you can see."
TWO = "".join(
    json.dumps({"prompt": f"What is {n} times two?", "completion": SAID.format(2 * n)}) + "\n"
    for n in range(12)
)
NOUNS = "dog cat house tree water bread book sun moon star snow rain"
BUYING = "".join(
    json.dumps({"prompt": f"Buy the {noun} for Lindqvist", "completion": "It is black."}) + "\n"
    for noun in NOUNS.split()
)


def in_time(found, seconds=240):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.1)
    raise TimeoutError


def brought_in(host, name="times-two", text=TWO):
    return host.ask("POST", "/api/training/datasets", {"name": name, "text": text}).json()


def stored(host, run):
    runs = host.ask("GET", "/api/training/runs").json()["runs"]
    return next(one for one in runs if one["runId"] == run)
