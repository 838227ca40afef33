"""The process is killed anywhere; the disk must stay consistent, and learning must end with the
same bits."""

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.audit import check_store
from tests.support.faults import FAULTS
from tests.support.living import run

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_THIS_LIFE = {"reject:before", "rollback:before", "reset:before"}
USUAL = {"checkpoint:after", "gate:before", "promote:before", "promote:after", "forget:intended"}


def start(folder, *planted):
    command = [sys.executable, "-m", "tests.support.life", str(folder), *map(str, planted)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for_exit(life, read=""):
    output = read + life.stdout.read()
    life.stdout.close()
    code = life.wait()
    return code, output.split("hash ")[-1].strip() if "hash " in output else None


def check(folder):
    store = SqliteStore(folder / "oneseek.db")
    assert run(check_store(store)) == []
    run(store.close())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    code, weights = wait_for_exit(start(tmp_path_factory.mktemp("life")))
    assert code == 0
    return weights


def test_every_named_fault_point_is_planted_by_a_test():
    named = set()
    for file in (ROOT / "engine").rglob("*.py"):
        named |= set(re.findall(r"\bfault\(\"([^\"]+)\"\)", file.read_text()))
    assert named >= set(FAULTS) and "promote:after" in named
    ours = {name for name in named if name.split(":")[0] in {n.split(":")[0] for n in FAULTS}}
    assert ours <= set(FAULTS) | NOT_IN_THIS_LIFE


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [one if one in USUAL else pytest.param(one, marks=pytest.mark.long) for one in FAULTS],
)
def test_R2_every_step_of_a_round_can_die(tmp_path, undisturbed, name):
    """The process is killed at its first, third and ninth pass of a fault, then left to finish."""
    deaths = 0
    for hit in (1, 3, 9):
        code, weights = wait_for_exit(start(tmp_path, name, hit))
        check(tmp_path)
        deaths += code == -9
        if code == 0:
            break
    assert deaths >= 1, f"{name} was never passed"
    code, weights = wait_for_exit(start(tmp_path))
    assert code == 0 and weights == undisturbed
    check(tmp_path)


def kill_at_random_moments(folder, undisturbed, count, seed):
    draw = random.Random(seed)
    for _ in range(count):
        life = start(folder)
        first_line = life.stdout.readline()
        time.sleep(draw.uniform(0, 0.15))
        life.kill()
        code, weights = wait_for_exit(life, first_line)
        check(folder)
        if code == 0:
            assert weights == undisturbed
            for file in folder.glob("oneseek.*"):
                file.unlink()
    code, weights = wait_for_exit(start(folder))
    assert code == 0 and weights == undisturbed


@pytest.mark.slow
def test_R1_a_kill_at_random_moments_loses_nothing(tmp_path, undisturbed):
    kill_at_random_moments(tmp_path, undisturbed, 6, 1)


@pytest.mark.long
def test_R1_a_hundred_kills_at_random_moments_lose_nothing(tmp_path, undisturbed):
    kill_at_random_moments(tmp_path, undisturbed, 100, 2)
