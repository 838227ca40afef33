"""Pasted addresses of models, and a hub's answer about a repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core import hub

REPOSITORY = "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF"
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text, revision, path",
    [
        ("Qwen/Qwen3-0.6B-GGUF", "", ""),
        ("  Qwen/Qwen3-0.6B-GGUF\n", "", ""),
        (REPOSITORY, "", ""),
        ("huggingface.co/Qwen/Qwen3-0.6B-GGUF", "", ""),
        ("https://hf.co/Qwen/Qwen3-0.6B-GGUF/", "", ""),
        (REPOSITORY + "/tree/main", "main", ""),
        (REPOSITORY + "/blob/main/Qwen3-0.6B-Q8_0.gguf", "main", "Qwen3-0.6B-Q8_0.gguf"),
        (REPOSITORY + "/resolve/v1/a/b.gguf?download=true", "v1", "a/b.gguf"),
        ("Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf", "", "Qwen3-0.6B-Q8_0.gguf"),
    ],
)
def test_a_repository_of_the_hub_by_each_of_its_names(text: str, revision: str, path: str):
    assert hub.place(text) == {
        "origin": "https://huggingface.co",
        "repository": "Qwen/Qwen3-0.6B-GGUF",
        "revision": revision,
        "path": path,
    }


def test_another_hub_and_a_file_anywhere():
    there = hub.place("http://127.0.0.1:1/a/b/resolve/main/c.gguf")
    assert there["origin"] == "http://127.0.0.1:1" and there["path"] == "c.gguf"
    assert (
        hub.make_listing_address(there)
        == "http://127.0.0.1:1/api/models/a/b/revision/main?blobs=true"
    )
    address = "https://example.org/models/c.gguf?key=1"
    assert hub.place(address) == {"file": address}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Qwen3",
        "https://example.org/a/b",
        "file:///etc/passwd",
        "a/../b",
        "javascript:a/b",
        "a b/c",
    ],
)
def test_what_is_no_place_of_a_model(text: str):
    assert hub.place(text) is None


@given(st.text(max_size=80))
def test_any_text_is_a_place_or_none(text: str):
    place = hub.place(text)
    assert place is None or "file" in place or len(place["repository"].split("/")) == 2


def make_listing(*files: tuple[str, int, str]) -> dict:
    siblings = [
        {"rfilename": path, "size": size, **({"lfs": {"size": size, "sha256": sha}} if sha else {})}
        for path, size, sha in files
    ]
    return {"sha": SHA, "siblings": siblings, "tags": ["license:apache-2.0"]}


def test_the_smallest_good_file_of_a_repository_comes_first():
    place = hub.place("a/b")
    models, licence = hub.list_models(
        place,
        make_listing(
            ("README.md", 1, ""),
            ("m-IQ2_XS.gguf", 1, "1" * 64),
            ("m-Q8_0.gguf", 9, "2" * 64),
            ("m-Q4_K_M.gguf", 5, "3" * 64),
            ("mmproj-m.gguf", 2, "4" * 64),
            ("m-F16-00001-of-00002.gguf", 9, "5" * 64),
            ("small.gguf", 3, ""),
        ),
    )
    assert [one["path"] for one in models] == [
        "m-Q4_K_M.gguf",
        "small.gguf",
        "m-Q8_0.gguf",
    ]
    seeing = make_listing(
        ("m-mmproj-F16.gguf", 2, ""), ("mmproj-m-Q8_0.gguf", 1, ""), ("m.gguf", 9, "")
    )
    assert [one["path"] for one in hub.list_eyes(place, seeing)] == [
        "mmproj-m-Q8_0.gguf",
        "m-mmproj-F16.gguf",
    ]
    best = models[0]
    assert best["address"] == f"https://huggingface.co/a/b/resolve/{SHA}/m-Q4_K_M.gguf"
    assert (best["bytes"], best["sha256"], licence) == (5, "3" * 64, "apache-2.0")
    only, _ = hub.list_models(dict(place, path="m-Q8_0.gguf"), make_listing(("m-Q8_0.gguf", 9, "")))
    assert [one["sha256"] for one in only] == [""]


def test_a_mirror_stands_in_for_the_hub_alone():
    address = hub.HOME + "/a/b/resolve/main/c.gguf"
    assert (
        hub.through(address, "https://m.example/x/")
        == "https://m.example/x/a/b/resolve/main/c.gguf"
    )
    assert hub.through(address, "") == address
    assert (
        hub.through("https://other.org/c.gguf", "https://m.example") == "https://other.org/c.gguf"
    )
    same = {hub.name_file(one) for one in (address, address.replace(hub.HOME, "https://m.example"))}
    assert same == {"a_b_c.gguf"}
    assert hub.name_file("https://other.org/x/c.gguf?key=1") == "other.org_c.gguf"
