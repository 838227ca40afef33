"""The environment variables, each also under the earlier system's prefix OQT_.

`python3 build.py headless --help` lists them from here, and docs/environment.md is checked against
it.
"""

import os

VARIABLES = {
    "BASE_MODELS": "the models without --model, as ids or paths; a server answers with the first",
    "MODELS_DIR": "the folder of models that were downloaded or put there by hand",
    "ENABLE_MICROTRAINING": "0 refuses POST /api/training/micro; on by default",
    "LEARN_FROM_CHATS": "0 stores nothing of what people state in chats; on by default",
    "DNA_EVERY": "questions between two fingerprints of examples and weights; default 50",
    "LEDGER_URL": "a public address that receives each new head of the server's ledger",
    "LEDGER_URL_LOCAL": "1 lets LEDGER_URL be an address of this machine or its network",
    "LEDGER_PRIVATE_KEY_PATH": "an Ed25519 key with which the server signs its ledger",
    "ONESEEK_PHRASE": "the phrase that encrypts exchange files; without it the terminal asks",
    "ONESEEK_API_KEY": "the key that the server's clients must send; the same as --key",
}
OFF = ("", "0", "false", "no", "off")


def variable(name: str) -> str:
    """Return a variable; its own name comes first, and it is empty when it is not set."""
    if name not in VARIABLES:
        raise KeyError(name)
    return os.environ.get(name, os.environ.get(f"OQT_{name}", ""))


def read_whole_number(name: str, usual: int) -> int:
    """Return a variable that is a number from 1 up; anything else ends the program with words."""
    said = variable(name).strip()
    if not said:
        return usual
    if not said.isdecimal() or int(said) < 1:
        raise ValueError(f"{name} must be a whole number from 1 up, not {said!r}")
    return int(said)


def is_switched_on(name: str, usual: bool) -> bool:
    said = variable(name).strip().lower()
    return said not in OFF if said else usual


def describe_variables() -> str:
    """Return all of them, for --help."""
    width = max(map(len, VARIABLES))
    lines = [f"  {name:<{width}}  {words}" for name, words in VARIABLES.items()]
    return "environment (each also with OQT_ before it):\n" + "\n".join(lines)
