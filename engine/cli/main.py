"""`oneseek`: the engine for scripts and terminals; the commands are in the modules beside this
one."""

import argparse
import sys

from oneseek.engine.cli import (  # noqa: F401  they register
    commands,
    debug,
    exchanging,
    importing,
    judging,
    leaving,
    looking,
    micro,
    packing,
    remembering,
    teaching,
)
from oneseek.engine.cli.elsewhere import federating  # noqa: F401
from oneseek.engine.cli.options import COMMANDS, FAILURES, told
from oneseek.engine.model.registry import NoBaseModels


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="oneseek", description=__doc__.partition(";")[0])
    chosen = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, add_options) in COMMANDS.items():
        sub = chosen.add_parser(name, help=run.__doc__, description=run.__doc__)
        for add in add_options:
            add(sub)
    options = parser.parse_args(arguments)
    try:
        COMMANDS[options.command][0](options)
    except NoBaseModels as error:
        told(f"oneseek: {error}. Name one with --model or BASE_MODELS; `oneseek models` lists them")
        return 3
    except FAILURES as error:
        told(f"oneseek: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
