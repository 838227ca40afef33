"""The commands of `oneseek` that serve: the page, and the API."""

import argparse

from oneseek.engine.cli.options import command, need, server_options
from oneseek.engine.model import registry
from oneseek.workers.site import host, models


def page_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=8000, help="8000 by default; 0 takes any free one"
    )
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")


@command(page_options)
def serve(options: argparse.Namespace) -> int:
    """Serve the page on this machine and open it in the browser."""
    folder = registry.site()
    if folder is None:
        raise ValueError(
            "the page is not installed: pip install 'oneseek[app]' brings it; in a checkout "
            "python3 build.py serve builds and serves it"
        )
    return host.run(folder, options.port, not options.no_open, models.Handler)


@command(server_options)
def headless(options: argparse.Namespace) -> int:
    """Answer in OpenAI's shapes over HTTP, without a browser, and learn when nobody has asked for a
    moment."""
    need("oneseek headless", ("starlette", "uvicorn", "websockets"), "app")
    from oneseek.workers.server import headless

    return headless.run(options)
