"""A group of five with Flower, simulated and as a SuperLink with SuperNodes on loopback.

It must come close to training on the union in one place; and a round must end although one member
dies, lingers or does harm.
"""

import asyncio
import json
import shlex

import pytest

from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.adapters import load_peft
from oneseek.engine.open import model_named
from oneseek.engine.with_flower.shared import Beginning, mark
from tests.bench.federated import HeldOut, in_one_place, wire
from tests.support.group import starting
from tests.support.texts import MANUAL

# They need Flower and Ray (400 MB), and train a group for minutes, several times.
pytestmark = [pytest.mark.slow, pytest.mark.long]

ROUNDS, FEW, TOGETHER = 18, 2, 32  # rounds of four epochs; epochs of the union
CLOSE = 1.05  # limit, as a multiple of the loss in one place
PATIENCE = 120.0
STURDY = ("median", "trimmed", "krum")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("group")


@pytest.fixture(scope="module")
def data(folder):
    return starting.write_data(folder)


@pytest.fixture(scope="module")
def begins():
    return Beginning("tiny", {})


@pytest.fixture(scope="module")
def asked(data, begins):
    """A function that evaluates the adapter in a folder on the held-out part."""

    async def open_held_out():
        model = await model_named("tiny", "cpu")
        return HeldOut(await RoundTrainer.open(model, begins.training), data[2])

    loop = asyncio.new_event_loop()
    held = loop.run_until_complete(open_held_out())
    yield lambda out: loop.run_until_complete(held.of(out))
    loop.close()


def same_a(out, begins) -> bool:
    with_its_model = asyncio.run(model_named("tiny", "numpy")).config
    return mark(*load_peft(out, with_its_model)) == begins.told["a"]


def tell(what: str, loss: float, told: dict) -> None:
    print(what, json.dumps({"loss": round(loss, 4)} | wire(told)))


@pytest.fixture(scope="module")
def one_place(data, begins) -> float:
    """The loss after training on the union in one place."""

    async def together():
        model = await model_named("tiny", "cpu")
        training = begins.training.replace(epochs=TOGETHER)
        return await in_one_place(model, training, *data[1:])

    found = asyncio.run(together())
    print("one place", json.dumps(found))
    return min(found["loss_best"], found["loss_last"])


def test_the_line_of_the_manual_comes_close_to_the_union_in_one_place(
    folder, data, begins, asked, one_place
):
    (line,) = [
        line.split("#")[0].strip()
        for line in MANUAL.splitlines()
        if line.startswith("    oneseek federate")
    ]
    out = folder / "ours"
    words = line.replace("smollm2-135m", "tiny").replace("parts", str(data[0][0].parent))
    words = words.replace("ours", str(out)) + f" --rounds {ROUNDS}"
    said = starting.run_command(folder, *shlex.split(words))
    told, loss = starting.figures(out), asked(out)
    tell("simulation", loss, told)
    assert loss <= CLOSE * one_place
    assert same_a(out, begins)
    assert "MB sent" in said and "never personal facts" in said
    assert all(one["answered"] == starting.MEMBERS for one in told["rounds"])
    assert sum(one["refused"] for one in told["result"]) <= 1


def test_superlink_and_supernodes_come_close_to_it_as_well(folder, data, begins, asked, one_place):
    out = folder / "deployed"
    with starting.deployed(folder / "loopback") as group:
        for number, part in enumerate(data[0]):
            group.member(number, part)
        told = starting.wait_for_figures(group.begin(starting.APP, out, rounds=ROUNDS), group, out)
    loss = asked(out)
    tell("deployment", loss, told)
    assert loss <= CLOSE * one_place
    assert same_a(out, begins)
    assert told["rounds"][0]["bytes_up"] < 2 * starting.MEMBERS * b_bytes(begins)


def b_bytes(begins) -> int:
    b = [name for name in begins.trained.entries if name.endswith("lora_B.weight")]
    return sum(4 * begins.trained.part(begins.flat, name).size for name in b)


def test_a_round_ends_although_one_is_killed_one_lingers_and_one_means_harm(
    folder, data, begins, asked
):
    here, out = folder / "troubled", folder / "survived"
    with starting.deployed(here) as group:
        for number, part in enumerate(data[0]):
            trouble = {2: "waits", 3: "slow", 4: "poison"}.get(number, "")
            group.member(number, part, trouble=trouble, until=str(out / "rounds.json"))
        own = {"rounds": FEW, "strategy": "median", "patience": PATIENCE}
        run = group.begin(starting.write_troubled_app(here), out, **own)
        starting.wait_for_file(here / "own-2" / "asked", run, group)
        group.kill("member-2")
        told = starting.wait_for_figures(run, group, out)
    loss = asked(out)
    tell("troubled deployment", loss, told)
    assert [one["answered"] for one in told["rounds"]][:FEW] == [3] * FEW
    assert loss < measure_base_loss(asked, folder, begins)
    assert same_a(out, begins)


def measure_base_loss(asked, folder, begins) -> float:
    from oneseek.engine.model.adapters import save_peft

    save_peft(folder / "nothing", begins.trained, begins.flat, "tiny")
    return asked(folder / "nothing")


@pytest.mark.parametrize("strategy", ["average", *STURDY])
def test_one_of_five_that_means_harm_is_borne_by_what_is_sturdy(
    folder, data, begins, asked, strategy
):
    unharmed, out = folder / "few", folder / f"poisoned-{strategy}"
    if not unharmed.exists():
        starting.simulate(folder, unharmed, data[0], {}, rounds=FEW, strategy="average")
    told = starting.simulate(folder, out, data[0], {4: "poison"}, rounds=FEW, strategy=strategy)
    loss = asked(out)
    tell(f"poisoned, {strategy}", loss, told)
    base = measure_base_loss(asked, folder, begins)
    if strategy in STURDY:
        assert loss < base / 2
    else:
        assert loss > asked(unharmed) * 1.5
        assert told["result"] and all(one["refused"] for one in told["result"][:4])
