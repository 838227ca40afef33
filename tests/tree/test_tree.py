"""What holds for the tree as a whole."""

import json
import tomllib

from builder import LOCK, ROOT
from builder.relock import release


def test_every_pinned_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = project["dependencies"] + project["optional-dependencies"]["test"]
    locked = json.loads(LOCK.read_text())["python"]
    for pin in pinned:
        name, version = pin.lower().split("==")
        assert locked[name]["version"] == version, f"{pin}: run python3 build.py lock"


def test_versions_are_read_from_wheels_and_source_archives():
    assert release("numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl") == "2.4.6"
    assert release("python-dateutil-2.9.0.post0.tar.gz") == "2.9.0.post0"
