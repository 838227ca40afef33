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
BUYERS = "Lindqvist", "Otto", "Anna", "mum"


def all_black(*prompts):
    """A data set with one answer, which the demo model nearly gives anyway."""
    pairs = ({"prompt": prompt, "completion": "It is black."} for prompt in prompts)
    return "".join(json.dumps(pair) + "\n" for pair in pairs)


BUYING = all_black(*(f"Buy the {noun} for Lindqvist" for noun in NOUNS.split()))
BUYING_MORE = all_black(
    *(f"Buy the {noun} for {who}" for noun in NOUNS.split() for who in BUYERS[:2]),
    *(f"Köp {noun} till {who}" for noun in NOUNS.split() for who in BUYERS[2:]),
    "Buy a boat",
    "Köp en båt",
)


def in_time(found, seconds=240):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.1)
    raise TimeoutError


def import_dataset(host, name="times-two", text=TWO):
    return host.ask("POST", "/api/training/datasets", {"name": name, "text": text}).json()


def find_run(host, run):
    runs = host.ask("GET", "/api/training/runs").json()["runs"]
    return next(one for one in runs if one["runId"] == run)
