#!/usr/bin/env python3
"""Check a certified OneSeek version: python3 verify_integrity.py [--head SEQ:HASH]

Needs nothing but Python.  Says what was altered: which file, which tensor, which ledger entry.
Someone who rewrites everything can only be found out with a ledger head you kept: give it as --head.
"""

import argparse
import hashlib
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENESIS = "0" * 64


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def even(value):
    """1.0 and 1 are the same number; JavaScript writes both as 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: even(part) for key, part in value.items()}
    return [even(part) for part in value] if isinstance(value, list) else value


def canonical(value):
    text = json.dumps(even(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def read_metadata(folder):
    """The metadata and what is wrong with it: it is written in one way only and hashes itself."""
    data = (folder / "metadata.json").read_bytes()
    metadata = json.loads(data)
    if not isinstance(metadata, dict) or canonical(metadata) != data:
        return metadata, ["metadata.json was changed: it is not as OneSeek writes it"]
    stated = metadata.pop("self_sha256", None)
    if sha256(canonical(metadata)) != stated:
        return metadata, ["metadata.json was changed: it does not match its own hash"]
    return metadata, []


def altered_files(folder, metadata):
    for name, stated in metadata["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != stated["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes instead of {stated['bytes']}"
        elif sha256(path.read_bytes()) != stated["sha256"]:
            yield f"{name} was changed"
            if name.endswith(".safetensors"):
                yield from altered_tensors(path, metadata["tensors"])
    for path in folder.iterdir():
        if path.name not in metadata["files"] and path.name not in ("metadata.json", "__pycache__"):
            yield f"{path.name} does not belong to this version"


def altered_tensors(path, tensors):
    try:
        found = tensor_hashes(path.read_bytes())
    except (ValueError, KeyError, TypeError, struct.error) as reason:
        yield f"{path.name}: its header was changed ({reason})"
        return
    for name in sorted(set(found) | set(tensors)):
        if name not in found:
            yield f"{path.name}: tensor {name} is missing"
        elif found[name] != tensors.get(name):
            yield f"{path.name}: tensor {name} was changed"


def tensor_hashes(data):
    """sha256 of each tensor of a safetensors file, with its type and shape."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            kind = f"{tensor['dtype']} {tensor['shape']}\n".encode()
            found[name] = sha256(kind + data[8 + length + start : 8 + length + end])
    return found


def altered_entries(folder, metadata, head):
    entries = json.loads((folder / "ledger_proof.json").read_bytes())["entries"]
    previous = {"seq": 0, "hash": GENESIS}
    for entry in entries:
        signed = {key: entry[key] for key in ("seq", "time", "kind", "body", "previous")}
        if sha256(canonical(signed)) != entry["hash"]:
            yield f"ledger entry {entry['seq']} ({entry['kind']}) was changed"
        if entry["seq"] != previous["seq"] + 1 or entry["previous"] != previous["hash"]:
            yield f"ledger entry {entry['seq']} does not continue the one before it"
        previous = entry
    told = [e["body"] for e in entries if e["kind"] == "version"]
    if not any(
        body["name"] == metadata["name"] and body["weights_sha256"] == metadata["weights_sha256"]
        for body in told
    ):
        yield f"the ledger does not tell of {metadata['name']} with these weights"
    if head:
        seq, _, kept = head.partition(":")
        found = {str(entry["seq"]): entry["hash"] for entry in entries}
        if found.get(seq) != kept:
            yield f"ledger entry {seq} is not the one you kept: history was cut or rewritten"


def problems(folder, head=None):
    try:
        metadata, found = read_metadata(folder)
        found += altered_files(folder, metadata)
        found += altered_entries(folder, metadata, head)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        return [f"the version cannot be read any more: {type(reason).__name__}: {reason}"]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--head", help="SEQ:HASH of a ledger entry you noted down earlier")
    found = problems(HERE, parser.parse_args().head)
    for problem in found:
        print("ALTERED:", problem)
    if not found:
        print("OK: every file, tensor and ledger entry is as it was certified")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
