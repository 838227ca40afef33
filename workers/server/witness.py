"""A witness outside that keeps the head of the ledger: LEDGER_URL.

A chain of hashes shows every edit but not a history rewritten from the start; a head that somebody
else keeps shows that as well.
"""

from __future__ import annotations

import asyncio
import json
import logging

from oneseek.engine.history.ledger import canonical
from oneseek.engine.history.versions import Versions
from oneseek.importers.document import ImportRefused
from oneseek.importers.pages.fetch import Fetcher

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 300.0  # until the next try, when the witness did not take it
SENT = "witness"  # the key in the store's state: the head that was taken last

log = logging.getLogger("oneseek")


class Witness:
    """Tells a public address every new head, as {seq, hash, base, signature, signed_by}; never
    more."""

    def __init__(self, versions: Versions, address: str, fetcher: Fetcher | None = None) -> None:
        self.versions, self.address = versions, address
        self.fetcher = fetcher or Fetcher()

    async def keep(self) -> None:
        """Tell new heads for as long as the server lives; a witness that is away is told later."""
        while True:
            taken = await self.tell()
            await asyncio.sleep(LOOK_SECONDS if taken else PATIENCE_SECONDS)

    async def tell(self) -> bool:
        """Tell the head if it is new; whether the witness knows it now."""
        head, store = await self.versions.ledger.head(), self.versions.store
        if not head["seq"] or head == await store.get("state", SENT):
            return True
        said = {"seq": head["seq"], "hash": head["hash"], "base": self.versions.base}
        if signer := self.versions.ledger.signer:
            signature = signer.sign(canonical(said).encode())
            said |= {"signature": signature, "signed_by": signer.public_key}
        try:
            data = json.dumps(said).encode()
            status = await asyncio.to_thread(self.fetcher.send, self.address, data)
        except ImportRefused as reason:
            log.warning("LEDGER_URL was not told of entry %s: %s", head["seq"], reason)
            return False
        if not 200 <= status < 300:
            log.warning("LEDGER_URL did not take entry %s: it answered %s", head["seq"], status)
            return False
        await store.batch([["put", "state", SENT, head]])
        return True
