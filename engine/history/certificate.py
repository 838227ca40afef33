"""Proves a version: its DNA, and a folder with its contents, their origin, and a script to check.

The adapter files come from the writer of the wanted format (PEFT); this adds the records, the hash
of every file and tensor, the whole ledger, and verify_integrity.py.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from oneseek.engine.history import verify_integrity
from oneseek.engine.history.ledger import Change
from oneseek.engine.history.ledger import canonical as canonical_text
from oneseek.engine.history.round_plan import resolve
from oneseek.engine.history.versions import Versions, ancestors

ADAPTER = "adapter_model.safetensors"
EVERY_QUESTIONS = 50  # the DNA is entered into the ledger


def canonical(value: object) -> bytes:
    return canonical_text(value).encode()


async def certify(
    versions: Versions, number: int, adapter: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The files of the certified folder; `adapter` holds adapter_config.json and the weights."""
    record = await versions.record(number)
    entries = await versions.ledger.entries()
    metrics = await versions.store.all("metrics")
    own = [one for _, one in metrics if one.get("plan") == record["plan"]]
    head = await versions.ledger.head()
    files = {
        **adapter,
        "training_results.json": canonical({"gate": record["gate"], "config": record["config"]}),
        "live_metrics.json": canonical({"steps": own}),
        "ledger_proof.json": canonical({"entries": entries, "head": head}),
        "oneseek_dna.json": canonical(await fingerprint(versions, number)),
        "verify_integrity.py": Path(verify_integrity.__file__).read_bytes(),
    }
    signer = versions.ledger.signer
    metadata = {
        **record,
        **({"signed_by": signer.public_key} if signer else {}),
        "files": {name: _facts(data) for name, data in files.items()},
        "tensors": verify_integrity.tensor_hashes(adapter[ADAPTER]),
    }
    metadata["self_sha256"] = hashlib.sha256(canonical(metadata)).hexdigest()
    files["metadata.json"] = canonical(metadata)
    if signer:
        signature = await resolve(signer.sign(files["metadata.json"]))
        told = {"algorithm": "Ed25519", "signed": "metadata.json", "signature": signature}
        files["signature.json"] = canonical({**told, "public_key": signer.public_key})
    return files


async def fingerprint(versions: Versions, number: int | None) -> dict:
    """Return the DNA of a version: one SHA-256 over the ids of all its examples (which are hashes
    of their words) and its weights, and what it was taken over."""
    chain = ancestors(number, await versions.records()) if number else []
    found = {
        "version": chain[-1]["name"] if chain else None,
        "weights_sha256": chain[-1]["weights_sha256"] if chain else None,
        "examples": sorted(id for one in chain for id in one["lessons"]),
    }
    return {**found, "dna": hashlib.sha256(canonical(found)).hexdigest()}


async def record_dna(versions: Versions, line: str, questions: int) -> dict:
    """Enter the fingerprint of the version in use into the ledger."""
    found = await fingerprint(versions, await versions.number(line))
    update = {key: found[key] for key in ("version", "weights_sha256", "dna")}
    update.update(questions=questions, line=line, time=versions.clock())
    change = Change()
    change.put("state", f"dna.{versions.base}", update)
    change.tell("dna", update)
    await versions.ledger.commit(change)
    return update


def _facts(data: bytes) -> dict:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A zip of the files, each stored as it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def write_folder(files: Mapping[str, bytes], folder: Path) -> Path:
    """All files or none: they are written beside the folder's place and moved there at the end."""
    part = folder.with_name(folder.name + ".tmp")
    part.mkdir(parents=True)
    for name, data in files.items():
        (part / name).write_bytes(data)
    return part.rename(folder)
