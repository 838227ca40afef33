"""Times an answer of llama.cpp natively by its own clock: `oracle.run_module("native_llama", FILE,
prompt, tokens, threads=2)` returns the time to the first token and the rate of the others."""

import json
import sys


def measure_answer(path: str, prompt: str, tokens: int, threads: int) -> dict:
    """The best of three answers, without a cached prompt."""
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.n_ctx, wanted.n_parallel = 2048, 1
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(wanted)
    asked = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "ignore_eos": True}
    said = [server.handle_completions(asked | {"cache_prompt": False}) for _ in range(3)]
    times = [one["timings"] for one in said]
    return {
        "first_ms": min(one["prompt_ms"] + one["predicted_per_token_ms"] for one in times),
        "tokens_per_s": max(one["predicted_per_second"] for one in times),
        "read": times[0]["prompt_n"],
    }


if __name__ == "__main__":
    path, prompt, *counts = sys.argv[1:]
    print(json.dumps(measure_answer(path, prompt, *map(int, counts))))
