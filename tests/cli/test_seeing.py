"""A photo on the command line: asked about, shown as the model sees it, or refused in words."""

import io
import json
from math import prod

import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.learning.needs import row_takes
from oneseek.engine.model import registry
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.families import configure
from oneseek.engine.model.vision.siglip import Tower
from tests.support import eyes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a language model's file, the file of its eyes, and photos."""
    place = tmp_path_factory.mktemp("seeing")
    (place / "tiny-vl-Q8_0.gguf").write_bytes(eyes.language())
    (place / "mmproj-tiny-vl-f16.gguf").write_bytes(eyes.eyes())
    (place / "one.png").write_bytes(eyes.photo(60, 45))
    (place / "other.jpg").write_bytes(eyes.photo(40, 61, "JPEG"))
    (place / "none.png").write_bytes(b"no picture")
    return place


def generate(model, *more) -> int:
    given = ["--model", str(model), "--backend", "numpy", "--json", "--greedy", "--user", "Hej?"]
    return main(["generate", *given, "--max-tokens", "8", *map(str, more)])


def test_what_is_said_depends_on_the_photo(folder, capsys):
    model, told = folder / "tiny-vl-Q8_0.gguf", []
    for photos in ([], ["one.png"], ["other.jpg"], ["one.png", "other.jpg"]):
        shown = [part for photo in photos for part in ("--picture", folder / photo)]
        assert generate(model, *shown) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert all(one["tokens"] for one in told)
    assert len({one["text"] for one in told}) > 1


def test_its_parts_are_seen_where_they_are_asked_for(folder, capsys):
    told = []
    for detail in ("low", "auto", "high"):
        photo = folder / "one.png"
        assert generate(folder / "tiny-vl-Q8_0.gguf", "--picture", photo, "--detail", detail) == 0
        told.append(json.loads(capsys.readouterr().out)["text"])
    assert told[0] == told[1] != told[2]


def test_a_chat_begins_with_a_photo(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hej?\nOch nu?\n"))
    given = ["--model", folder / "tiny-vl-Q8_0.gguf", "--picture", folder / "one.png"]
    more = ["--backend", "numpy", "--json", "--max-tokens", "4", "--folder", tmp_path / "kept"]
    assert main(["chat", *map(str, given), *map(str, more)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("model", "photo", "why"),
    [
        (MODEL, "one.png", "cannot see pictures"),
        ("tiny-vl-Q8_0.gguf", "none.png", "no picture OneSeek can open"),
        ("tiny-vl-Q8_0.gguf", "gone.png", "gone.png"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(folder, capsys, model, photo, why):
    assert generate(folder / model, "--picture", folder / photo) == 1
    assert why in capsys.readouterr().err


def test_the_memory_of_eyes_is_told_before_they_are_loaded(folder, capsys):
    main(["look", "--json", str(folder / "tiny-vl-Q8_0.gguf")])
    told = json.loads(capsys.readouterr().out)
    assert told["eyes"]["name"] == "mmproj-tiny-vl-f16.gguf"
    assert told["eyes"]["loaded_bytes"] > 4 * told["eyes"]["parameters"] > 0
    (folder / "alone.gguf").write_bytes((folder / "tiny-vl-Q8_0.gguf").read_bytes())
    main(["look", "--json", str(folder / "alone.gguf")])
    alone = json.loads(capsys.readouterr().out)
    assert alone["eyes"] is None
    assert told["chat_bytes"] - alone["chat_bytes"] == told["eyes"]["loaded_bytes"]
    main(["look", str(folder / "tiny-vl-Q8_0.gguf")])
    assert "sees pictures: mmproj-tiny-vl-f16.gguf" in capsys.readouterr().out


@pytest.mark.parametrize("id", ["smolvlm-256m", "smolvlm-500m"])
def test_rows_of_the_list_are_files_of_the_size_that_is_known(id):
    """The listed sizes must fit the format: matrices in eight bits, the rest in float32, and the
    vocabulary."""
    row = registry.load_models()[id]
    shapes = configure(row["config"]).shapes().values()
    tower = Tower(**row["eyes"]["tower"])
    seeing = [prod(one) * (34 / 32 if len(one) == 2 else 4) for one in tower.shapes().values()]
    seeing.append(tower.patches * tower.width * (4 - 34 / 32))  # positions are in float32
    weights = sum(prod(one) * (34 / 32 if len(one) > 1 else 4) for one in shapes)
    assert sum(prod(one) for one in shapes) == row["parameters"]
    assert 0 < row["bytes"] - weights < 2e6 and 0 < row["eyes"]["bytes"] - sum(seeing) < 2e4
    assert row_takes(row)["eyes_bytes"] > row["eyes"]["bytes"]
    plain = {name: one for name, one in row.items() if name != "eyes"}
    more = row_takes(row)["chat_bytes"] - row_takes(plain)["chat_bytes"]
    assert more == row_takes(row)["eyes_bytes"]
