"""Time and memory of loading the default model in Chromium, from a file that the browser already
has."""

import pytest

from tests.bench.parts import lab

QUESTION = "What is the capital of France?"


@pytest.mark.long
def test_smollm2_is_ready_in_four_seconds_and_in_less_than_twice_its_size(capsys):
    with lab.opened(peers={}) as page:
        before = lab.call(page, "ours", "memory")["wasm"]
        loaded = lab.call(page, "ours", "load", "/model.gguf")
        grown = lab.call(page, "ours", "memory")["wasm"] - before
        answer = lab.call(page, "ours", "python", "ask", QUESTION, 24)
    ratio = grown / loaded["file_bytes"]
    with capsys.disabled():
        print(f"\nready in {loaded['seconds']:.1f} s, the heap grew by {ratio:.2f} x the file")
    assert loaded["seconds"] < 4
    assert ratio < 2
    assert "Paris" in answer["text"]
