"""The fingerprint shown in the page must be the one that the engine computes and the ledger
keeps."""

import pytest

from oneseek.engine.history.certificate import fingerprint, record_dna
from oneseek.engine.history.versions import GENERIC
from oneseek.web.learning.records import fingerprint as in_page
from tests.support.living import Living, run


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def test_the_pages_fingerprint_is_the_engines(living):
    made = [living.teach(name)["version"] for name in ("one", "två", "three")]
    known = run(living.versions.records())
    found = [in_page(one, known[::-1]) for one in made]
    assert found == [run(fingerprint(living.versions, one["number"]))["dna"] for one in made]
    assert len(set(found)) == 3
    kept = run(record_dna(living.versions, GENERIC, 50))
    assert kept["dna"] == found[-1]
    assert run(living.versions.ledger.entries())[-1]["body"]["dna"] == found[-1]
