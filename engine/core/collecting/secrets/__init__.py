"""Finds what should not be learned by accident: card and account numbers, identity numbers, keys,
passwords, codes. It prefers a false alarm: what it finds is not learned until a person decides.

Rules find what is certain: forms, check digits, a name beside its value. A linear classifier
(evidence.py) judges the rest. It runs on each message, in MicroPython too, so each family of rules
first looks for a cheap indication, and costs nothing in a message without one.
"""

from oneseek.engine.core.collecting.secrets.code import without_code
from oneseek.engine.core.collecting.secrets.evidence import weigh
from oneseek.engine.core.collecting.secrets.keys import addresses_with_password, has_key, is_example
from oneseek.engine.core.collecting.secrets.labels import Words, find_labelled, split_marks
from oneseek.engine.core.collecting.secrets.letters import even, fold, has_digit
from oneseek.engine.core.collecting.secrets.made import has_made_password, has_person
from oneseek.engine.core.collecting.secrets.numbers import (
    has_bank_account,
    has_card,
    has_iban,
    has_identity,
    runs_of_digits,
)
from oneseek.engine.core.collecting.secrets.phrases import has_recovery
from oneseek.engine.core.collecting.secrets.told import is_dialled, is_spelled_out, opens_network

CARD, ACCOUNT, IDENTITY, KEY = "card", "account", "identity", "key"
ADDRESS, PASSWORD, CODE, RECOVERY = "address", "password", "code", "recovery"
KINDS = (CARD, ACCOUNT, IDENTITY, KEY, ADDRESS, PASSWORD, CODE, RECOVERY)
NAMES = {
    CARD: "a bank card number",
    ACCOUNT: "a bank account number",
    IDENTITY: "a personal identity number",
    KEY: "an access key",
    ADDRESS: "an address with a password in it",
    PASSWORD: "a password",
    CODE: "a PIN or an access code",
    RECOVERY: "recovery codes or a recovery phrase",
}


def secrets_in(text):
    """Return the kinds of secrets that a text seems to hold, each once, in the order of KINDS."""
    text = even(text)
    low = fold(text)
    marked, plain = split_words(text)
    found = apply_rules(text, low, marked, plain) or weigh(marked, plain)
    return [kind for kind in KINDS if kind in found]


def split_words(text):
    """Return the words to classify, as written and folded."""
    text = without_addresses(text)
    text, low = without_code(text, fold(text))
    return split_marks(text), split_marks(low)


def without_addresses(text):
    """Return a text without request paths and without addresses that name no user: their numbers
    are ports and the like."""
    if "/" not in text:
        return text
    return _without(text, _is_address)


def _without(text, unwanted):
    """Return a text without its unwanted words."""
    lines = [
        " ".join([word for word in line.split() if not unwanted(word)]) for line in text.split("\n")
    ]
    return "\n".join(lines)


def _is_address(word):
    if "://" in word:
        return "@" not in word or is_example(word)
    return word[0] == "/" and word.count("/") > 1 and "@" not in word and ":" not in word


def apply_rules(text, low, marked, plain):
    """Return the set of kinds that the rules find in a text, its folded form and its words."""
    named = text
    if "://" in text:
        named = _without(text, is_example)
    found = find_labelled(Words(*without_code(named, low if named is text else fold(named))))
    if opens_network(plain) or is_spelled_out(plain):
        found.add(PASSWORD)
    if is_dialled(plain):
        found.add(CODE)
    if has_key(text, low):
        found.add(KEY)
    if addresses_with_password(text):
        found.add(ADDRESS)
    if has_recovery(text, low):
        found.add(RECOVERY)
    if has_digit(text):
        if has_made_password(marked, plain):
            found.add(PASSWORD)
        if has_person(marked, plain):
            found.add(IDENTITY)
        runs = runs_of_digits(text)
        if has_card(runs, low):
            found.add(CARD)
        if has_identity(runs, text, low):
            found.add(IDENTITY)
        if has_iban(text) or has_bank_account(text, low):
            found.add(ACCOUNT)
    return found
