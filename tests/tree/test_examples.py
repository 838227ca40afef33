"""Every script of examples/ must run as it stands; a new one needs its arguments here."""

import json
import subprocess
import sys

import pytest

from builder import ROOT
from tests.support.hosts import native

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def run_example(name: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_has_its_test():
    tested = {"drive_the_page.py", "openai_client.py", "own_op.py", "read_a_file.py"}
    assert set(EXAMPLES) == tested | {"basic_setup.py", "teach_and_ask.py"}


def test_an_op_of_ones_own_has_its_gradient():
    assert "[[ 0.  2.  4.]\n [ 6.  8. 10.]]" in run_example("own_op.py")


def test_a_file_is_read():
    page = ROOT / "tests/importers/files/markdown_en.md"
    assert "blocks)" in run_example("read_a_file.py", str(page))


@pytest.mark.slow
def test_a_fact_is_told_and_asked():
    assert '"text"' in run_example("teach_and_ask.py")


@pytest.mark.long
@pytest.mark.slow
def test_the_parts_are_put_together_by_hand():
    lines = dict(line.split(" ", 1) for line in run_example("basic_setup.py").splitlines())
    assert json.loads(lines["queue"])["by_priority"]["import"] > 0
    assert lines["trained"].split()[0] != "0" and lines["loaded"].startswith("as OneSeek-1M-Zero")
    stats = json.loads(lines["scheduler"])
    assert stats["is_scheduled"] and stats["training_count"] > 0


@pytest.mark.slow
def test_the_client_of_openai_is_answered(tmp_path):
    with native(tmp_path) as host:
        assert run_example("openai_client.py", f"http://127.0.0.1:{host.port}").strip()


@pytest.mark.long
@pytest.mark.slow
def test_the_page_is_driven(address):
    assert run_example("drive_the_page.py", address).strip()
