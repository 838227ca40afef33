"""Rules for the tree as a whole."""

import json
import tomllib

from packaging.requirements import Requirement

import oneseek
from builder import LOCK, ROOT
from builder.relock import release
from oneseek.engine.model import registry

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKED = json.loads(LOCK.read_text())["python"]


def test_every_pinned_dependency_is_locked():
    for pin in EXTRAS["test"]:
        name, version = pin.lower().split("==")
        assert LOCKED[name]["version"] == version, f"{pin}: run python3 build.py lock"


def test_what_an_installation_may_have_is_a_range_that_holds_what_is_tested():
    """Exact versions would make it uninstallable beside packages that want others."""
    for wanted in map(Requirement, [*PROJECT["project"]["dependencies"], *EXTRAS["app"]]):
        if wanted.name == "oneseek-site":
            assert str(wanted.specifier) == f"=={oneseek.__version__}", "the page of this code"
            continue
        assert not {one.operator for one in wanted.specifier} & {"==", "==="}, wanted
        assert wanted.specifier.contains(LOCKED[wanted.name]["version"]), wanted
    for name, pins in PROJECT["tool"]["oneseek"]["tested"].items():
        # Pins without an extra belong to peers of the benchmarks.
        for wanted, pin in zip(EXTRAS.get(name, pins), pins, strict=True):
            assert Requirement(wanted).specifier.contains(pin.partition("==")[2]), wanted


def test_a_page_is_read_after_an_installation_by_an_older_pip():
    """Pip 23 ignores the extra `html_clean` with which justext asks for lxml, and leaves the
    cleaner out; without it trafilatura cannot be imported."""
    assert "lxml_html_clean" in {Requirement(wanted).name for wanted in EXTRAS["app"]}


def test_a_model_that_comes_with_no_page_is_taken_from_where_the_build_takes_it():
    parts = json.loads(LOCK.read_text())["parts"]
    for id, model in registry.load_models().items():
        if carrier := model["source"].get("carrier"):
            key, member = parts[f"model/{id}"]["sources"][-1]
            assert carrier == {"url": parts[key]["sources"][0], "member": member}
            assert model["sha256"] == parts[f"model/{id}"]["sha256"]


def test_versions_are_read_from_wheels_and_source_archives():
    assert release("numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl") == "2.4.6"
    assert release("python-dateutil-2.9.0.post0.tar.gz") == "2.9.0.post0"
