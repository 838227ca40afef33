#!/usr/bin/env python3
"""The one command of the project: makes the environment, builds the site and runs the tests.

It needs only Python >= 3.11. It downloads everything else itself, as builder/lock.json pins it. The
package builder/ does the work: each command below names its module.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from builder import Stop
from builder.scopes import SCOPES

# Commands of other modules: how many words are parsed here; all later ones, options too, are passed
# on.
FORWARDED = {"bench": 2, "headless": 1}


def serve(options: argparse.Namespace) -> int:
    from builder import site
    from oneseek.workers.site import host

    try:
        return host.run(site.build(), options.port, options.open)
    except host.CannotServe as error:
        raise Stop(str(error)) from error


def dist(options: argparse.Namespace) -> int:
    from builder import site

    print(site.build())
    return 0


def wheels(options: argparse.Namespace) -> int:
    from builder import release

    return release.run()


def test(options: argparse.Namespace) -> int:
    from builder import checks

    return checks.run(options.scope, options.pytest)


def bench(options: argparse.Namespace) -> int:
    from builder import environment

    return environment.run(f"tests.bench.{options.name}", *options.arguments)


def headless(options: argparse.Namespace) -> int:
    from builder import encoder, environment

    encoder.file()
    return environment.run("oneseek.workers.server.headless", *options.arguments)


def docs(options: argparse.Namespace) -> int:
    from builder import docs

    return docs.run()


def lock(options: argparse.Namespace) -> int:
    from builder import relock

    return relock.run()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("serve", help="build the site if needed and serve it here")
    command.add_argument("--port", type=int, default=8000, help="default: 8000; 0: any free port")
    command.add_argument("--open", action="store_true", help="open it in the browser")
    command.set_defaults(run=serve)

    command = commands.add_parser("dist", help="build the static site in dist/")
    command.set_defaults(run=dist)

    command = commands.add_parser("wheels", help="make the wheels for pip in dist-wheels/")
    command.set_defaults(run=wheels)

    command = commands.add_parser(
        "test", help="check format, lint and types, and run all but the long tests"
    )
    scope = command.add_mutually_exclusive_group()
    for name, one in SCOPES.items():
        if one.about:
            scope.add_argument(
                f"--{name}", dest="scope", action="store_const", const=name, help=one.about
            )
    command.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    command.set_defaults(run=test, scope="usual")

    command = commands.add_parser(
        "bench", help="run the benchmark tests/bench/NAME.py; prints JSON last"
    )
    command.add_argument("name", metavar="NAME")
    command.set_defaults(run=bench)

    command = commands.add_parser("headless", help="serve the API without a browser")
    command.set_defaults(run=headless)

    command = commands.add_parser(
        "docs", help="build the documents and the reference in dist-docs/"
    )
    command.set_defaults(run=docs)

    command = commands.add_parser(
        "lock", help="rewrite builder/lock.json from the versions in pyproject.toml"
    )
    command.set_defaults(run=lock)
    return parser


def read(given: list[str]) -> argparse.Namespace:
    """Parse the command and its options; what belongs to another module stays unparsed."""
    mine = FORWARDED.get(given[0], len(given)) if given else 0
    options = arguments().parse_args(given[:mine])
    options.arguments = given[mine:]
    return options


def main() -> int:
    options = read(sys.argv[1:])
    try:
        return options.run(options)
    except Stop as reason:
        print(f"build.py: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
