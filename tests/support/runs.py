"""Runs over small data sets, and their gate."""

import json
import time

START = "/api/admin/training/start-dna-v2"
SAID = "It is {}, and that is an even number, as you can see."
TWO = "".join(
    json.dumps({"prompt": f"What is {n} times two?", "completion": SAID.format(2 * n)}) + "\n"
    for n in range(12)
)


def in_time(found, seconds=240):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.1)
    raise TimeoutError


def brought_in(host, name="times-two"):
    return host.ask("POST", "/api/training/datasets", {"name": name, "text": TWO}).json()


def stored(host, run):
    runs = host.ask("GET", "/api/training/runs").json()["runs"]
    return next(one for one in runs if one["runId"] == run)
