"""The folder of a certified version, and changes to it."""

import json
import random
import shutil
import struct
import subprocess
import sys

import numpy as np

from oneseek.engine.history.certificate import certify, write_folder
from oneseek.engine.history.ledger import canonical
from tests.support.living import run


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


def write_certified(living, folder, number):
    arrays = run(living.versions.weights(number))
    files = run(certify(living.versions, number, adapter_files(arrays)))
    return write_folder(files, folder)


def verify(folder, *arguments):
    """Verify a folder as a user does: with plain Python, isolated from installed packages. Returns
    the exit code and the output."""
    command = [sys.executable, "-I", "-S", "-B", str(folder / "verify_integrity.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


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
