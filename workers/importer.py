"""The importer worker: reads what a person drops on the page, away from the engine and the chat."""


class Importer:
    """One `on_<name>` for each request of workers/protocol.py that names the importer."""

    def __init__(self, emit):
        self.emit = emit


def serve(emit, settings, modules):
    return Importer(emit)
