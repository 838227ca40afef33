"""Times loading a model up to its first token, natively or in a tab."""

import time
from contextlib import closing

from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from tests.bench.parts import spoken

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
TOKENS = 8


async def measure(where, executor) -> dict:
    """Seconds until the model is loaded and until its first token, and tokens a second after it."""
    began = time.perf_counter()
    with closing(open_model(where)) as file:
        model = await Model.load(file, executor)
    generator = Generator(model)
    loaded = time.perf_counter() - began
    ids, _ = generator.encode(QUESTION)
    said = await spoken.answer(generator, ids, TOKENS)
    return {
        "load_s": loaded,
        "first_token_s": loaded + said["first_ms"] / 1e3,
        "tokens_per_s": said["tokens_per_s"],
    }
