"""Signatures with the person's own key: the standard's examples, and what a signed export
proves."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.history.native_keys import Signer, new_key, read_key
from oneseek.engine.history.pem import BadKey, pkcs8_of
from oneseek.engine.history.verify_integrity import holds
from tests.support.certified import flips_that_pass, verify, write_certified
from tests.support.living import Living

# RFC 8032, section 7.1: secret key, public key, message, signature
EXAMPLES = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
)


@pytest.mark.parametrize("secret, public, message, signature", EXAMPLES)
def test_the_examples_of_rfc_8032_hold(secret, public, message, signature):
    signer, data = Signer(bytes.fromhex(secret)), bytes.fromhex(message)
    assert signer.public_key == public and signer.sign(data) == signature
    assert holds(public, data, signature)


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=99), st.integers(0, 511))
def test_one_flipped_bit_of_a_signature_is_found(seed, message, bit):
    signer = Signer(seed)
    signature = bytearray.fromhex(signer.sign(message))
    assert holds(signer.public_key, message, signature.hex())
    signature[bit // 8] ^= 1 << bit % 8
    assert not holds(signer.public_key, message, signature.hex())
    assert not holds(signer.public_key, message + b"!", signer.sign(message))


def test_a_key_is_kept_as_any_tool_keeps_it_and_anything_else_is_refused(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text(new_key())
    assert read_key(path).public_key == read_key(path).public_key
    for wrong in ("", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(BadKey):
            pkcs8_of(wrong)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("signed")
    living = Living(place, signer=Signer(b"k" * 32))
    last = living.teach("one")["version"]
    return write_certified(living, place / last["name"], last["number"])


def test_R38_a_signed_export_says_by_whom_and_checks_against_a_known_key(folder):
    key = Signer(b"k" * 32).public_key
    code, output = verify(folder)
    assert code == 0 and f"SIGNED by {key}" in output and "only its owner can tell" in output
    assert verify(folder, "--key", key)[0] == 0
    code, output = verify(folder, "--key", Signer(b"x" * 32).public_key)
    assert code == 1 and "not by the key you gave" in output


def test_R38_whoever_rewrites_everything_lacks_the_key(folder, tmp_path):
    """A forger who recomputes every hash must fail without the key, whether the old signature is
    kept or left out."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    place = tmp_path / "other"
    place.mkdir()
    forged = Living(place)
    last = forged.teach("two")["version"]
    for path in write_certified(forged, place / last["name"], last["number"]).iterdir():
        shutil.copy(path, copy / path.name)
    key = json.loads((folder / "metadata.json").read_text())["signed_by"]
    code, output = verify(copy, "--key", key)
    assert code == 1 and "signed by nobody" in output and "signature.json does not belong" in output


@pytest.mark.slow
def test_byte_flips_of_a_signed_export_are_all_found(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert flips_that_pass(folder, copy, 18) == []
