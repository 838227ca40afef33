"""Moving in from another assistant: the person's own statements become known, with their days;
nothing that the assistant said does."""

import asyncio
import io
import json
import zipfile

import pytest

from builder import encoder
from oneseek.engine.cli import main
from oneseek.importers.document import ImportRefused
from oneseek.importers.door import Door
from oneseek.importers.limits import Budget
from oneseek.importers.readers.moved_in import is_export, messages_in

DAY = 1_750_000_000  # seconds


def node(id, parent, role, text, time):
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, "create_time": time}
    return id, {"id": id, "parent": parent, "children": [], "message": message}


EXPORT = [
    {
        "title": "boats",
        "id": "c1",
        "current_node": "e",
        "mapping": dict(
            [
                ("r", {"id": "r", "parent": None, "children": ["a"], "message": None}),
                node("a", "r", "user", "My boat is moored in Whitby", DAY),
                node("b", "a", "assistant", "Your sister lives in Paris.", DAY + 1),
                node("d", "b", "user", "My boat is moored in Hull", DAY + 2),
                node("e", "b", "user", "My sister Petra lives in Oslo", DAY + 3),
            ]
        ),
    }
]


def test_the_branch_that_was_shown_last_is_read_and_only_the_persons_words():
    found = messages_in(json.dumps(EXPORT).encode(), "conversations.json")
    assert [one.text for one in found] == [
        "My boat is moored in Whitby", "My sister Petra lives in Oslo",
    ]  # fmt: skip
    assert found[0].time == DAY * 1000 and found[1].before == found[0].text


def test_a_zip_file_a_list_of_messages_and_saved_memories_are_read():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("export/conversations.json", json.dumps(EXPORT))
    assert len(messages_in(data.getvalue(), "export.zip")) == 2
    said = [{"sender": "human", "text": "I keep bees", "created_at": "2026-03-01T10:00:00+00:00"},
            {"sender": "assistant", "text": "You keep hens"}]  # fmt: skip
    (one,) = messages_in(json.dumps([{"uuid": "u", "chat_messages": said}]).encode(), "c.json")
    assert one.text == "I keep bees" and one.time == 1772359200000 and one.chat == "u"
    memories = messages_in(json.dumps(["I keep bees", "My car is red"]).encode(), "m.json")
    assert [one.text for one in memories] == ["I keep bees", "My car is red"]
    assert not any(one.before for one in memories)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"[1, null]", b'{"a": 1}', b"PK\x03\x04x"])
def test_what_is_no_export_is_refused_in_a_sentence(data):
    with pytest.raises(ImportRefused, match=r"nothing was read"):
        messages_in(data, "file.json")


async def read_no_picture(data):
    return []


def test_an_export_is_told_from_other_files_by_its_form_or_its_name():
    assert is_export(json.dumps(EXPORT).encode(), "chats-2026.json")
    assert is_export(b"[]", "conversations.json") and is_export(b'["I keep bees"]', "memories.json")
    assert not is_export(b'[{"messages": []}]', "training.json")
    assert not is_export(b"PK\x03\x04x", "export.zip")
    (found,) = asyncio.run(
        Door(read_no_picture).file(json.dumps(EXPORT).encode(), "chats.json", Budget(""))
    )
    assert found["state"] == "chats" and found["chats"]


def test_what_was_approved_is_known_in_the_folder_with_its_day(tmp_path, monkeypatch, capsys):
    encoder.file()
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(EXPORT))
    here = ["--model", "tiny", "--backend", "cpu", "--json", "--folder", str(tmp_path / "here")]
    for answer, kept in (("n", 0), ("y", 2)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer + "\n"))
        assert main.main(["move-in", str(file), *here]) == 0
        assert len(capsys.readouterr().out.splitlines()) == kept
    monkeypatch.setattr("sys.stdin", io.StringIO("Where does my sister live?\n\n"))
    assert main.main(["chat", *here, "--greedy"]) == 0
    (said,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "Oslo" in said["text"]
