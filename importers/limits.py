"""The limits of an import, counted while it runs: sizes in headers can lie, so bytes are counted as
they appear.

One `Budget` follows one file through its reader. It also reports progress and checks for
cancellation.
"""

import dataclasses
import time
from collections.abc import Callable

from oneseek.importers.document import ImportRefused

PAGES = 50  # default limit of a site's pages


@dataclasses.dataclass(frozen=True)
class Limits:
    bytes_in: int = 50_000_000
    text: int = 20_000_000  # characters of text kept from one file
    pages: int = 500
    pixels: int = 40_000_000
    members: int = 2_000
    ratio: int = 100  # inflated to packed size, beyond the first megabyte
    seconds: float = 60.0
    depth: int = 2  # nested archives


class Exhausted(ImportRefused):
    """The whole import has reached its limit: nothing more is read, not even the next member of an
    archive."""


class Cancelled(Exception):
    """The user removed the item while it was being read."""


class Budget:
    def __init__(
        self,
        name: str,
        limits: Limits | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ):
        self.name = name
        self.limits = limits or Limits()
        self._progress = progress
        self._cancelled = cancelled
        self._end = time.monotonic() + self.limits.seconds
        self._spent = 0

    def turn_to(self, name: str) -> None:
        """Set the name of the part that is read next, for messages."""
        self.name = name

    def step(self, what: str = "", done: int = 0, total: int = 0) -> None:
        """Report progress between pieces of work; raises Cancelled, or Exhausted once the time is
        up."""
        if what and self._progress:
            self._progress(what, done, total)
        if self._cancelled and self._cancelled():
            raise Cancelled(self.name)
        if time.monotonic() > self._end:
            raise Exhausted(
                f"{self.name} took longer than {self.limits.seconds:.0f} seconds to read and was stopped; "
                "try a smaller part of it."
            )

    def accept(self, size: int) -> None:
        if size > self.limits.bytes_in:
            raise ImportRefused(
                f"{self.name} is {size / 1e6:,.0f} MB; at most {self.limits.bytes_in / 1e6:,.0f} MB "
                "can be read at a time. Split it or save a part of it."
            )
        if size == 0:
            raise ImportRefused(f"{self.name} is empty: there is nothing to read in it.")

    def keep(self, text: str) -> str:
        """Count text that goes into the document; raises Exhausted at the limit."""
        self._spent += len(text)
        if self._spent > self.limits.text:
            raise Exhausted(
                f"{self.name} holds more than {self.limits.text / 1e6:,.0f} million characters of text; "
                "split it and add the parts one by one."
            )
        return text
