"""The exchange file: standard encryption, and clear words for any other file."""

import asyncio
import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.exchange.entries import make_entry, make_tombstone
from oneseek.engine.history import exchange_file
from oneseek.engine.history.exchange_file import COSTS, NotOpened, good_phrase, seal, unseal
from oneseek.engine.history.native_keys import NativeCipher
from tests.support.devices import SIGNER, Forger, again

PHRASE = "seven green boats in the rain"

# The GCM specification (McGrew and Viega), test cases 13 to 16: key, nonce, plaintext, additional
# data, ciphertext with tag
EXAMPLES = (
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    (
        "00" * 32, "00" * 12, "00" * 16, "",
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    ),
    (
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
)  # fmt: skip
WITH_NODE = """
const {createCipheriv, pbkdf2Sync} = require("crypto");
const [phrase, salt, cost, nonce, data, beside] = JSON.parse(require("fs").readFileSync(0));
const hex = text => Buffer.from(text, "hex");
const key = pbkdf2Sync(Buffer.from(phrase), hex(salt), cost, 32, "sha256");
const cipher = createCipheriv("aes-256-gcm", key, hex(nonce));
cipher.setAAD(hex(beside));
const hidden = Buffer.concat([cipher.update(hex(data)), cipher.final(), cipher.getAuthTag()]);
console.log(hidden.toString("hex"));
"""


class Once(NativeCipher):
    """The native cipher with a cache of derived keys; tests of the derivation's cost are
    elsewhere."""

    keys: dict = {}

    async def key(self, phrase, salt, cost):
        if (phrase, salt, cost) not in self.keys:
            self.keys[phrase, salt, cost] = await super().key(phrase, salt, cost)
        return self.keys[phrase, salt, cost]


def state():
    entries = [
        make_entry(
            "What is my boat called?", "Your boat is called Saltkråkan.", 3, ["My boat?"], "en"
        ),
        make_entry("Vad heter katten?", "Katten heter Måns 🐈.", 4, source={"kind": "told"}),
        make_tombstone(make_entry("Who was that?", "Nobody.", 1)["about"], 5),
    ]
    return {one["about"]: one for one in entries}


def seal_file(signer=None, cost=COSTS[0], content=None):
    given = state() if content is None else content
    return asyncio.run(seal(given, PHRASE, lambda: 9, NativeCipher(), signer, cost))


def read(data, phrase=PHRASE):
    return asyncio.run(unseal(data, phrase, Once()))


def expect_refusal(data, phrase=PHRASE):
    with pytest.raises(NotOpened, match="Nothing was changed") as found:
        read(data, phrase)
    return found.value.why


@pytest.fixture(scope="module")
def file():
    return seal_file()


@pytest.mark.parametrize("key, nonce, plain, beside, sealed", EXAMPLES)
def test_the_examples_of_gcm_s_authors_hold(key, nonce, plain, beside, sealed):
    key, nonce, plain, beside, sealed = map(bytes.fromhex, (key, nonce, plain, beside, sealed))
    cipher, key = NativeCipher(), AESGCM(key)
    assert asyncio.run(cipher.encrypt(key, nonce, plain, beside)) == sealed
    assert asyncio.run(cipher.decrypt(key, nonce, sealed, beside)) == plain


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 70_001])
def test_what_openssl_seals_is_the_same_to_the_byte(size):
    salt, nonce, data, beside = (os.urandom(n) for n in (16, 12, size, size % 40))
    given = [PHRASE, salt.hex(), 1000, nonce.hex(), data.hex(), beside.hex()]
    said = subprocess.run(
        ["node", "-e", WITH_NODE],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=True,
    )
    cipher = NativeCipher()
    key = asyncio.run(cipher.key(PHRASE.encode(), salt, 1000))
    assert asyncio.run(cipher.encrypt(key, nonce, data, beside)).hex() == said.stdout.strip()


def test_what_was_put_in_comes_out_and_nothing_of_it_can_be_read_from_the_file(file):
    assert read(file) == (state(), "")
    assert read(file, f"  {PHRASE} ") == (state(), "")  # with spaces around it, as pasted
    for text in ("boat", "Måns", "told", "clock"):
        assert text.encode() not in file.split(b"\n", 1)[1]
    assert seal_file() != file  # every file has a new salt and nonce
    assert exchange_file.COST == json.loads(seal_file(cost=600_000).split(b"\n")[0])["cost"]


def test_a_signature_says_by_whom_and_one_that_does_not_fit_is_refused():
    assert read(seal_file(SIGNER)) == (state(), SIGNER.public_key)

    assert expect_refusal(seal_file(Forger())) == "signature"


def test_a_wrong_phrase_says_so(file):
    assert expect_refusal(file, PHRASE + "!") == "phrase"
    assert expect_refusal(file, "") == "phrase"
    with pytest.raises(NotOpened, match="at least 12 characters"):
        good_phrase(" too short ")


def test_other_files_and_other_formats_say_what_they_are(file):
    for data in (b"", b"{}", b"\x89PNG\r\n", b'{"format": "oneseek-backup", "version": 2}'):
        assert expect_refusal(data) == "wrong"
    assert expect_refusal(again(file, version=2)) == "newer"
    assert expect_refusal(again(file, version=0)) == "older"
    assert expect_refusal(again(file, version="one")) == "wrong"
    assert expect_refusal(again(file, cost=1)) == "wrong"
    assert expect_refusal(again(file, cost=10**12)) == "wrong"  # deriving this key would take days
    assert expect_refusal(again(file, salt="no hex")) == "wrong"
    assert expect_refusal(again(file, cipher="ROT13")) == "wrong"
    assert expect_refusal(again(file, made="me")) == "phrase"  # the header is authenticated


def test_entries_that_no_oneseek_writes_are_refused():
    for bad in (
        {**make_entry("a?", "b", 1), "id": "0" * 16},
        {**make_entry("a?", "b", 1), "clock": 2**60},
        {**make_entry("a?", "b", 1), "clock": True},
        {**make_entry("a?", "b", 1), "source": {"kind": ["deep"]}},
        {**make_entry("a?", "b", 1), "more": "field"},
        {**make_tombstone("0" * 16, 1), "id": "1"},
        {"about": "zz", "id": "", "clock": 1},
    ):
        assert expect_refusal(seal_file(content={bad["about"]: bad})) == "wrong"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_off_or_altered_anywhere_is_refused(file, data):
    at = data.draw(st.integers(0, len(file) - 1))
    if data.draw(st.booleans()):
        assert expect_refusal(file[:at]) in (("wrong",) if at == 0 else ("damaged",))
    else:
        bit = 1 << data.draw(st.integers(0, 7))
        altered = file[:at] + bytes([file[at] ^ bit]) + file[at + 1 :]
        assert expect_refusal(altered) in (
            ("wrong",) if at < len(exchange_file.BEGIN) else ("damaged",)
        )
