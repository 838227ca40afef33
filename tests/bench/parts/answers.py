"""Times answers of ours and of @wllama/wllama in one Chromium, by turns on the same prompts.

Every prompt has a new beginning, so that no prefix cache helps.
"""

from playwright.sync_api import Page

from builder import fetch
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.tokenizer import Tokenizer
from tests.bench.parts import lab, report

HEAD = (
    "<|im_start|>system\n{} times you have been asked. You are a helpful AI assistant named SmolLM2"
    "<|im_end|>\n<|im_start|>user\n"
)
QUESTION = (
    "Explain in a few sentences why the sky is blue during the day and red in the evening, so that "
    "a child can understand it."
)
MORE = " blue"  # one token
TAIL = "<|im_end|>\n<|im_start|>assistant\n"
LIMIT = 90_000  # milliseconds to wait for an answer of the peer
THREADS = (1, 2)


class Prompts:
    """Prompts of an exact number of tokens."""

    def __init__(self):
        self.tokenizer = Tokenizer(open_model(fetch.part("model/smollm2-135m")).tokenizer_data)
        self.asked = 0

    def of(self, tokens: int) -> str:
        """A prompt of exactly so many tokens: the question, padded with words."""
        self.asked += 1
        begin, missing = HEAD.format(self.asked * 10) + QUESTION, tokens
        for _ in range(2):
            prompt = begin + MORE * (tokens - missing) + TAIL
            missing = len(self.tokenizer.encode(prompt, special=True))
        return prompt


def compare(page: Page, prompt_tokens: int, tokens: int, rounds: int) -> dict[str, dict | None]:
    """The best figures of ours and of wllama with one and two threads; None without an answer."""
    prompts, found = Prompts(), {}
    for threads in THREADS:
        mine, peer = f"ours{threads}", f"wllama{threads}"
        lab.call(page, "ours", "python", "threads", threads)
        lab.call(page, f"wllama {threads}", "load", "/model.gguf", threads)
        for _ in range(rounds):
            prompt = prompts.of(prompt_tokens)
            ours = lab.call(page, "ours", "python", "answer", prompt, tokens)
            theirs = lab.call(page, f"wllama {threads}", "answer", prompt, tokens, LIMIT)
            for name, result in ((mine, ours), (peer, theirs)):
                report.say(name, result)
                found[name] = better(found.get(name), result)
    return found


def better(one: dict | None, other: dict | None) -> dict | None:
    if not one or not other:
        return one or other
    return other | {
        "first_ms": min(one["first_ms"], other["first_ms"]),
        "tokens_per_s": max(one["tokens_per_s"], other["tokens_per_s"]),
    }


def ratios(ours: dict, peer: dict | None) -> dict[str, float | None]:
    """How many times faster than the peer, to the first token and in decoding."""
    return {
        "first_token_ratio": peer and peer["first_ms"] / ours["first_ms"],
        "decode_ratio": peer and ours["tokens_per_s"] / peer["tokens_per_s"],
    }
