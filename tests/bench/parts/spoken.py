"""Decodes and times one answer, on any back end, natively and in a tab."""

from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import Generator
from oneseek.engine.turns import urgent


async def answer(generator: Generator, ids: list[int], tokens: int) -> dict:
    """Decode greedily from a KV cache that holds at most the beginning that all chats share, which
    is in it from the second answer on."""
    lanes = generator.pool.lanes
    for key in lanes.keys() - {generator.head_key}:
        del lanes[key]
    answer = generator.start(ids, Sampling(max_tokens=tokens))
    with urgent():
        await generator.answer_all([answer])
    return {
        "first_ms": 1e3 * (answer.first_token - answer.began),
        "tokens_per_s": answer.tokens_per_second,
        "count": len(answer.ids),
        "prompt_tokens": len(ids),
        "text": answer.text,
    }
