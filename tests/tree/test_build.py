"""How build.py reads its command line: what belongs to another module reaches it untouched."""

import pytest

import build


@pytest.mark.parametrize(
    ("given", "command", "passed"),
    [
        ("headless", "headless", []),
        ("headless --model tiny --port 0", "headless", ["--model", "tiny", "--port", "0"]),
        ("headless --backup FILE", "headless", ["--backup", "FILE"]),
        ("headless --help", "headless", ["--help"]),
        ("bench learn --seeds 1", "bench", ["--seeds", "1"]),
        ("bench page --shots", "bench", ["--shots"]),
        ("bench cpu answers", "bench", ["answers"]),
        ("serve --port 0", "serve", []),
    ],
)
def test_options_of_the_module_behind_a_command_reach_it(given, command, passed):
    options = build.read(given.split())
    assert (options.command, options.arguments) == (command, passed)


@pytest.mark.parametrize("given", [[], ["bench"], ["serve", "--nothing"], ["nothing"]])
def test_a_wrong_line_is_a_wrong_call(given, capsys):
    with pytest.raises(SystemExit) as ended:
        build.read(given)
    assert ended.value.code == 2 and "usage" in capsys.readouterr().err


def test_the_tests_get_what_stands_after_two_dashes():
    options = build.read(["test", "--quick", "--", "-k", "queue"])
    assert (options.scope, options.pytest) == ("quick", ["-k", "queue"])
