"""A real server in its own process, to be killed anywhere: two steps a lesson, and no quiet time
needed before it learns.

    python -m tests.support.server FOLDER PORT [FAULT HIT]

It kills itself when it passes FAULT for the HIT-th time.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn

from oneseek.workers.server import service
from oneseek.workers.server.api import create_app
from oneseek.workers.server.guard import Guard
from oneseek.workers.server.headless import alone_in, server_settings
from tests.support.hosts import quick_service
from tests.support.life import plant


async def serve(folder: Path, port: int) -> None:
    app = create_app(await quick_service(folder))
    await uvicorn.Server(server_settings(Guard(app), "127.0.0.1", port)).serve()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    service.IDLE_SECONDS = 0.0
    if len(sys.argv) > 3:
        plant(sys.argv[3], int(sys.argv[4]))
    with alone_in(place):
        asyncio.run(serve(place, int(sys.argv[2])))
