#!/usr/bin/env python3
"""Check a certified OneSeek version: python3 verify_integrity.py [--head SEQ:HASH] [--key HEX]

Needs nothing but Python.  Says what was altered: which file, which tensor, which ledger entry.
Someone who rewrites everything can only be found out with what you kept elsewhere: a ledger head,
or the public key its maker signs with.  Whose key it is, and whether its owner lost it, no file can
say.
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


def find_altered_files(folder, metadata):
    known = ["metadata.json", "__pycache__"] + ["signature.json"] * ("signed_by" in metadata)
    for name, stated in metadata["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != stated["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes instead of {stated['bytes']}"
        elif sha256(path.read_bytes()) != stated["sha256"]:
            yield f"{name} was changed"
            if name.endswith(".safetensors"):
                yield from find_altered_tensors(path, metadata["tensors"])
    for path in folder.iterdir():
        if path.name not in metadata["files"] and path.name not in known:
            yield f"{path.name} does not belong to this version"


def find_altered_tensors(path, tensors):
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


def find_altered_entries(folder, metadata, head):
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


def find_altered_signatures(folder, metadata, key):
    """The signature of metadata.json covers every file, that of the last entry all before it."""
    signed_by = metadata.get("signed_by", "")
    if key and signed_by != key.lower():
        yield f"it is signed by {signed_by or 'nobody'}, not by the key you gave"
    if not signed_by:
        return
    data = (folder / "signature.json").read_bytes()
    signature = json.loads(data)
    if canonical(signature) != data or signature["public_key"] != signed_by:
        yield "signature.json was changed"
    elif not holds(signed_by, (folder / "metadata.json").read_bytes(), signature["signature"]):
        yield "the signature does not fit metadata.json"
    entries = json.loads((folder / "ledger_proof.json").read_bytes())["entries"]
    mine = [entry for entry in entries if entry.get("signed_by") == signed_by]
    if mine and not holds(signed_by, mine[-1]["hash"].encode(), mine[-1]["signature"]):
        yield f"the signature of ledger entry {mine[-1]['seq']} does not fit it"


# Ed25519 as in RFC 8032, in coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def plus(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = f - e, d - c, d + c, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = plus(total, point)
        point, number = plus(point, point), number >> 1
    return total


def pack_point(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_of(data):
    number = int.from_bytes(data, "little")
    y, odd = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or y >= P or (not x and odd):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def holds(key, message, signature):
    """Whether this is the signature of the message by that key; all but the message in hex."""
    try:
        key, signature = bytes.fromhex(key), bytes.fromhex(signature)
        rest = int.from_bytes(signature[32:], "little")
        if len(key) != 32 or len(signature) != 64 or rest >= ORDER:
            return False
        share = hashlib.sha512(signature[:32] + key + message).digest()
        share = int.from_bytes(share, "little") % ORDER
        right = plus(point_of(signature[:32]), times(share, point_of(key)))
        return pack_point(times(rest, BASE)) == pack_point(right)
    except (ValueError, TypeError):
        return False


def problems(folder, head=None, key=None):
    try:
        metadata, found = read_metadata(folder)
        found += find_altered_files(folder, metadata)
        found += find_altered_entries(folder, metadata, head)
        found += find_altered_signatures(folder, metadata, key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        return [f"the version cannot be read any more: {type(reason).__name__}: {reason}"]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--head", help="SEQ:HASH of a ledger entry you noted down earlier")
    parser.add_argument("--key", help="the public key, in hex, that it must be signed with")
    asked = parser.parse_args()
    found = problems(HERE, asked.head, asked.key)
    for problem in found:
        print("ALTERED:", problem)
    if not found:
        print("OK: every file, tensor and ledger entry is as it was certified")
        signed_by = read_metadata(HERE)[0].get("signed_by")
        if signed_by and not asked.key:
            print(f"SIGNED by {signed_by}; whose key that is, only its owner can tell you")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
