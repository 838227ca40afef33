"""What the server may be told, by `oneseek headless` and `build.py headless` alike."""

import argparse
from pathlib import Path

from oneseek.engine.backends.select import BACK_ENDS, MEANING
from oneseek.engine.core import environment
from oneseek.engine.core.environment import variable


def add(parser: argparse.ArgumentParser) -> None:
    parser.epilog = environment.listed()
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--model",
        help="an id or a path, or several with commas: the first one answers, and runs over a data "
        "set may train each; without it BASE_MODELS decides",
    )
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--host", default="127.0.0.1", help="any other address needs --key")
    parser.add_argument("--key", default=variable("ONESEEK_API_KEY"))
    parser.add_argument(
        "--page", action="append", default=[], metavar="ORIGIN",
        help="let a OneSeek page of this origin, as https://oneseek.example, exchange with it",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="believe a proxy at this address, as 127.0.0.1, for whom it asks (X-Forwarded-For); "
        "nobody is believed unless told",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, default=Path.home() / ".local/share/oneseek")
    parser.add_argument("--backend", choices=BACK_ENDS, default="auto", help=MEANING)
    parser.add_argument(
        "--share", type=float, default=1.0,
        help="how much of the quiet time learning may take; the page takes 0.2 while you are there",
    )  # fmt: skip
    moved = parser.add_mutually_exclusive_group()
    moved.add_argument("--backup", type=Path, metavar="FILE", help="write a backup and end")
    moved.add_argument("--restore", type=Path, metavar="FILE", help="restore a backup and end")
