"""A certified folder must verify itself with nothing but Python, and name what was altered."""

import json
import shutil

import pytest

from tests.support.certified import flips_that_pass, verify, write_certified
from tests.support.living import Living


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("certified")
    living = Living(place)
    for words in ("one", "två"):
        living.teach(words)
    last = living.learn("practice")["version"]
    return write_certified(living, place / last["name"], last["number"])


def test_an_untouched_version_is_ok_and_has_every_documented_file(folder):
    assert verify(folder) == (0, "OK: every file, tensor and ledger entry is as it was certified\n")
    assert {path.name for path in folder.iterdir()} == {
        "metadata.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "training_results.json",
        "ledger_proof.json",
        "oneseek_dna.json",
        "live_metrics.json",
        "verify_integrity.py",
    }


def test_an_altered_weight_is_named_by_its_tensor(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / "adapter_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    code, output = verify(copy)
    assert code == 1 and "tensor up was changed" in output and "tensor down" not in output


def test_an_altered_ledger_entry_is_named_even_when_all_hashes_of_files_are_made_anew(
    folder, tmp_path
):
    copy = shutil.copytree(folder, tmp_path / "copy")
    proof = json.loads((copy / "ledger_proof.json").read_text())
    proof["entries"][1]["body"]["lessons"] = ["somebody else's"]
    (copy / "ledger_proof.json").write_text(json.dumps(proof))
    code, output = verify(copy)
    assert code == 1 and "ledger entry 2 (version) was changed" in output


def test_a_missing_and_an_added_file_are_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "training_results.json").unlink()
    (copy / "extra.bin").write_bytes(b"?")
    code, output = verify(copy)
    assert code == 1 and "training_results.json is missing" in output
    assert "extra.bin does not belong to this version" in output


def test_R38_a_rewritten_history_is_found_against_a_kept_head(folder):
    head = json.loads((folder / "ledger_proof.json").read_text())["head"]
    assert verify(folder, "--head", f"{head['seq']}:{head['hash']}")[0] == 0
    code, output = verify(folder, "--head", f"{head['seq']}:{'0' * 64}")
    assert code == 1 and "cut or rewritten" in output


def test_a_few_random_byte_flips_are_all_found(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert flips_that_pass(folder, copy, 16) == []


@pytest.mark.slow
def test_fifty_random_byte_flips_are_all_found(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert flips_that_pass(folder, copy, 50) == []
    assert verify(copy)[0] == 0
