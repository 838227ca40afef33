"""The command line and the registry: models are chosen explicitly, exit codes are honest, scripts
get JSON."""

import hashlib
import io
import json
import re

import pytest

from oneseek.engine.cli import main
from oneseek.engine.model import registry
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import FormatError
from oneseek.engine.model.registry import NoBaseModels
from tests.support import tiny


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    for name in ("BASE_MODELS", "XDG_DATA_HOME", "XDG_CACHE_HOME", "MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny-random.gguf"
    path.write_bytes(tiny.gguf("llama", "Q4_1"))
    return str(path)


def test_nothing_chosen_is_an_error_and_never_a_default(capsys):
    with pytest.raises(NoBaseModels, match="^No base models selected$"):
        registry.choose_base_models()
    assert main.main(["tokenize", "--text", "hej"]) == 3
    assert "No base models selected" in capsys.readouterr().err


def test_base_models_come_from_the_environment(monkeypatch, model, capsys):
    monkeypatch.setenv("BASE_MODELS", f" {model} , smollm2-135m,{model}")
    assert registry.choose_base_models() == [model, "smollm2-135m"]
    assert main.main(["tokenize", "--text", "hej", "--json"]) == 1
    assert "one is loaded at a time" in capsys.readouterr().err
    monkeypatch.setenv("BASE_MODELS", f" {model} ,")
    assert main.main(["tokenize", "--text", "hej", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pieces"] == ["he", "j"]


def test_tokenize_reads_lines_and_prints_one_object_each(monkeypatch, model, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hej då\n<|im_end|>\n"))
    assert main.main(["tokenize", "--model", model, "--special", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert "".join(first["pieces"]) == "Hej då" and second["tokens"] == [257]
    assert main.main(["tokenize", "--model", model, "--text", "hej"]) == 0
    assert "'he'" in capsys.readouterr().out


def test_a_model_that_is_not_here_says_how_to_get_it(capsys, tmp_path):
    for name, advice in (
        ("qwen3-0.6b", r"oneseek models --get qwen3-0.6b downloads it (639 MB)"),
        ("smollm2-135m", "oneseek models --get smollm2-135m downloads it (98 MB)"),
        ("nothing.gguf", "there is no model 'nothing.gguf'"),
    ):
        assert main.main(["tokenize", "--model", name, "--text", "x"]) == 1
        assert advice in capsys.readouterr().err


def test_a_bad_file_is_named_and_fails(tmp_path, capsys):
    path = tmp_path / "broken.gguf"
    path.write_bytes(tiny.gguf("llama", "F16")[:999])
    assert main.main(["tokenize", "--model", str(path), "--text", "x"]) == 1
    assert "oneseek: broken.gguf: " in capsys.readouterr().err


def test_R10_a_known_model_must_be_the_published_file(monkeypatch, tmp_path):
    data = tiny.gguf("llama", "Q4_1")
    entry = registry.load_models()["smollm2-135m"] | {"sha256": hashlib.sha256(data).hexdigest()}
    monkeypatch.setattr(registry, "load_models", lambda: {"smollm2-135m": entry})
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    path = tmp_path / entry["file"]
    path.write_bytes(data)
    registry.open_named("smollm2-135m").close()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(FormatError, match=r"not SmolLM2 135M Instruct as it was published"):
        registry.open_named("smollm2-135m")


def test_the_list_of_models_is_complete_and_consistent(capsys):
    assert main.main(["models", "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [model["id"] for model in listed] == list(registry.load_models())
    for model in listed:
        assert {"name", "bytes", "licence", "languages", "source", "config"} <= set(model)
        assert configure(model["config"]).parameters == model["parameters"]
        assert type(model["learns"]) is bool and model["learn_bytes"] > model["chat_bytes"]
        assert model["chat_bytes"] > model["bytes"]
        assert re.fullmatch("[0-9a-f]{64}", model["sha256"])
        if model["source"]["kind"] == "web":
            assert re.search(r"/resolve/[0-9a-f]{40}/", model["source"]["url"])
            assert model["source"]["url"].endswith("/" + model["file"])
        if model["id"] != "tiny":  # the project's own model, whose file is in the tree
            places = model["published"]
            owners = {place.split("/")[3] for place in places}
            pages = {model["source"].get("url", "").replace("/resolve/", "/blob/")}
            assert len(owners) >= 2 or set(places) == pages, f"{model['id']}: who says these bytes?"


def test_the_demo_model_is_always_there():
    entry = registry.load_models()["tiny"]
    data = registry.find("tiny").read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])


def test_a_models_id_stays_whole_whatever_points_are_in_it():
    for id in registry.load_models():
        assert registry.id_of(id) == id
    assert registry.id_of("/models/SmolLM2-1.7B") == "SmolLM2-1.7B"
    assert registry.id_of("/models/my.own.Q4_0.gguf") == "my.own.Q4_0"
