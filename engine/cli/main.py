"""`oneseek`: OneSeek for scripts and terminals; the commands are in the modules beside this one,
those that serve in workers/commands.py."""

import argparse
import inspect
import sys

import oneseek
from oneseek.engine.cli import (  # noqa: F401  they register
    commands,
    debug,
    exchanging,
    external_training,
    importing,
    judging,
    looking,
    micro,
    packing,
    remembering,
    skills,
    teaching,
)
from oneseek.engine.cli.elsewhere import federating, move_in  # noqa: F401
from oneseek.engine.cli.options import COMMANDS, FAILURES, command, log
from oneseek.engine.cli.preferences import taste  # noqa: F401
from oneseek.engine.model.registry import NoBaseModels
from oneseek.workers import commands as serving  # noqa: F401

BASH = """\
_oneseek() {
    local words
    case "${COMP_WORDS[1]}" in
%s
    *) words="" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then words="%s"; fi
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _oneseek oneseek
"""
ABOUT = "Chat with a model, teach it, train it and export it from a terminal or a script."
MORE = "`oneseek COMMAND --help` explains a command and its options."
ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"


def parser_of_all():
    """The parser of the command line, with every command that has registered."""
    parser = argparse.ArgumentParser(prog="oneseek", description=ABOUT, epilog=MORE)
    parser.add_argument("--version", action="version", version=f"oneseek {oneseek.__version__}")
    chosen = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, add_options) in COMMANDS.items():
        about = inspect.cleandoc(run.__doc__)
        sub = chosen.add_parser(name, help=about, description=about)
        for add in add_options:
            add(sub)
    return parser


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (chosen,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return chosen.choices


def options_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The long options of a command, each with its help."""
    found = {}
    for action in parser._actions:
        for name in action.option_strings:
            if name.startswith("--"):
                found[name] = action.help or ""
    return found


def bash(every: dict[str, argparse.ArgumentParser]) -> str:
    cases = [f'    {name}) words="{" ".join(options_of(one))}" ;;' for name, one in every.items()]
    return BASH % ("\n".join(cases), " ".join(every))


def quote(text: str | None) -> str:
    return "'" + " ".join((text or "").split()).replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(every: dict[str, argparse.ArgumentParser]) -> str:
    lines = []
    for name, one in every.items():
        about = quote(one.description)
        lines.append(f"complete -c oneseek -n __fish_use_subcommand -f -a {name} -d {about}")
        when = f"'__fish_seen_subcommand_from {name}'"
        for option, help in options_of(one).items():
            lines.append(f"complete -c oneseek -n {when} -l {option[2:]} -d {quote(help)}")
    return "\n".join(lines) + "\n"


SHELLS = {"bash": bash, "zsh": lambda every: ZSH + bash(every), "fish": fish}


def shell_option(parser):
    parser.add_argument("shell", choices=SHELLS)


@command(shell_option)
def completion(options):
    """Print a completion script for a shell. Load it with `source <(oneseek completion bash)`, the
    same with zsh, or `oneseek completion fish | source`."""
    print(SHELLS[options.shell](commands_of(parser_of_all())), end="")


def main(arguments=None) -> int:
    options = parser_of_all().parse_args(arguments)
    try:
        return COMMANDS[options.command][0](options) or 0
    except NoBaseModels as error:
        log(f"oneseek: {error}. Name one with --model or BASE_MODELS; `oneseek models` lists them")
        return 3
    except FAILURES as error:
        log(f"oneseek: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
