"""`oneseek models --get` with a pasted address: a repository of a hub, or a file."""

import hashlib
import json

import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.core import hub as addresses
from oneseek.engine.model import registry
from tests.support import eyes
from tests.support import hub as hubs


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    content = hubs.demo()
    with hubs.running(hubs.Hub(content, hashlib.sha256(content).hexdigest())) as hub:
        yield hub


def test_a_repository_is_fetched_with_the_hash_of_its_hub_and_then_has_a_name(
    hub, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(addresses, "HOME", hub.address)
    assert main(["models", "--get", hubs.REPOSITORY]) == 0
    path = tmp_path / "acme_demo-GGUF_demo-Q4_1.gguf"
    assert capsys.readouterr().out.strip() == str(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hub.sha256
    asked = len(hub.asked)
    assert main(["tokenize", "--model", hubs.REPOSITORY, "--text", "Hello"]) == 0
    assert len(hub.asked) == asked, "a model that is here is not asked for"


def test_the_eyes_of_a_repository_come_with_its_model(hub, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(addresses, "HOME", hub.address)
    hub.content = eyes.language()
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    hub.more = {"mmproj-demo-f16.gguf": eyes.eyes("F16"), "mmproj-demo-Q8_0.gguf": eyes.eyes()}
    assert main(["models", "--get", hubs.REPOSITORY]) == 0
    path = tmp_path / "acme_demo-GGUF_demo-Q4_1.gguf"
    assert capsys.readouterr().out.strip() == str(path)
    assert {one.name for one in tmp_path.glob("*.gguf")} == {
        path.name,
        "acme_demo-GGUF_mmproj-demo-Q8_0.gguf",
    }
    main(["look", "--json", str(path)])
    assert json.loads(capsys.readouterr().out)["eyes"]["parameters"]
    assert registry.find(hubs.REPOSITORY) == path


def test_a_wrong_hash_is_refused_and_a_busy_hub_waited_for(hub, tmp_path, capsys):
    hub.faults = [(429, 0), 0.5]
    address = f"{hub.address}/{hubs.REPOSITORY}/blob/main/{hubs.FILE}"
    hub.sha256 = "5" * 64
    assert main(["models", "--get", address]) != 0
    assert "not the expected one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    hub.faults = [(429, 3600)]
    assert main(["models", "--get", address]) != 0
    assert "asks to wait 3600 s" in capsys.readouterr().err


def test_a_file_from_anywhere_keeps_the_hash_it_came_with(hub, tmp_path):
    address = f"{hub.second}/blob/{hubs.FILE}"
    assert main(["models", "--get", address]) == 0
    (path,) = tmp_path.glob("*.gguf")
    record = json.loads((tmp_path / (path.name + ".record.json")).read_text())
    assert record["sha256"] == hub.sha256


def test_what_a_hub_does_not_have_is_said(hub, capsys):
    assert main(["models", "--get", f"{hub.address}/no/such/resolve/main/x.gguf"]) != 0
    assert "answered 404; nothing was downloaded" in capsys.readouterr().err


def test_a_mistyped_path_asks_nobody(hub, monkeypatch, capsys):
    monkeypatch.setattr(addresses, "HOME", hub.address)
    assert main(["tokenize", "--model", "models/mistyped.gguf", "--text", "Hello"]) != 0
    assert "there is no model 'models/mistyped.gguf'" in capsys.readouterr().err
    assert hub.asked == []
