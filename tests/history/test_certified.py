"""A certified folder checks itself with nothing but Python and says what was altered."""

import json
import random
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from engine.history.certificate import certify, write_folder
from engine.history.ledger import canonical
from tests.support.living import Living, run


def safetensors(arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        offsets = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        data += array.astype(np.float32).tobytes()
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def adapter_files(arrays):
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8}
    return {
        "adapter_config.json": canonical(config).encode(),
        "adapter_model.safetensors": safetensors(arrays),
    }


def certified(living, folder, number):
    arrays = run(living.versions.weights(number))
    files = run(certify(living.versions, number, adapter_files(arrays)))
    return write_folder(files, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("certified")
    living = Living(place)
    for words in ("one", "två"):
        living.teach(words)
    last = living.learn("practice")["version"]
    return certified(living, place / last["name"], last["number"])


def verify(folder, *arguments):
    """As a user does: plain Python, isolated from everything that is installed."""
    command = [sys.executable, "-I", "-S", "-B", str(folder / "verify_integrity.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


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


def flips_that_pass(folder, copy, count):
    draw, passed = random.Random(5), []
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    for i in range(count):
        name = files[i % len(files)]
        data = bytearray((folder / name).read_bytes())
        at = draw.randrange(len(data))
        data[at] ^= 1 << draw.randrange(8)
        (copy / name).write_bytes(data)
        if verify(copy)[0] == 0:
            passed.append((name, at))
        shutil.copy(folder / name, copy / name)
    return passed


def test_a_few_random_byte_flips_are_all_found(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert flips_that_pass(folder, copy, 16) == []


@pytest.mark.slow
def test_fifty_random_byte_flips_are_all_found(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert flips_that_pass(folder, copy, 50) == []
    assert verify(copy)[0] == 0
