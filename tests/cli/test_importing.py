"""`oneseek import` must name what could not be read, and its exit code must show it."""

import pytest

from oneseek.engine.cli.main import main


def test_what_was_read_ends_in_0(tmp_path, capsys):
    page = tmp_path / "boat.txt"
    page.write_text("The boat is called Kittiwake. She was built in Whitby.")
    assert main(["import", str(page)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("source", ["not-there.txt", "http://exa\0mple.com/", "http://"])
def test_what_could_not_be_read_is_told_and_ends_in_1(tmp_path, capsys, source):
    source = source if "//" in source else str(tmp_path / source)
    assert main(["import", source]) == 1
    assert "1 of the sources could not be read" in capsys.readouterr().err
