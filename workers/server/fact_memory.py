"""The facts known by heart, for the API: listed, forgotten, and exchanged with a person's other
devices."""

from __future__ import annotations

from typing import Any

from oneseek.engine.core.environment import variable
from oneseek.engine.history.exchange_file import export_state, import_state, unseal
from oneseek.engine.history.versions import label
from oneseek.engine.turns import urgent

SHOWN = ("id", "question", "answer", "language", "time", "source")
NO_PHRASE = (
    "this server has no phrase to open exchange files; nothing was changed. Start it with "
    "ONESEEK_PHRASE, the phrase of your other devices"
)


class NoPhrase(LookupError):
    """This server was not given the phrase of a person's devices."""


class FactMemory:
    """The facts that the model knows, as the API shows and changes them."""

    def __init__(self, service: Any) -> None:
        self.service, self.store = service, service.store

    async def list_facts(self) -> list[dict]:
        """The known facts, the last told first."""
        memory = self.service.assistant.mind.memory
        await memory.load()
        known = [fact for fact in memory.facts.values() if "answer" in fact]
        known.sort(key=lambda fact: -fact["time"])
        return [{name: fact[name] for name in SHOWN} for fact in known]

    async def forget(self, id: str) -> list[str]:
        """Forget a fact: no answer holds it from the next question on. Returned are the versions
        that learned it, which are trained again without it when nobody asks."""
        if not any([await self.store.get(name, id) for name in ("facts", "queue", "examples")]):
            raise LookupError(f"there is no fact {id[:80]!r}; nothing was changed")
        assistant = self.service.assistant
        touched = await assistant.learner.history.find_versions([id])
        await assistant.forget([id])
        await self._finish_or_hurry()
        return [label(one) for one in touched]

    async def let_go_of_undone(self, id: str) -> None:
        """Let go of a fact that was taken back from the queue, unless it was learned."""
        if not await self.store.get("examples", id):
            await self.service.assistant.mind.let_go([id])

    async def exchange(self, data: bytes) -> tuple[dict, bytes]:
        """Merge another device's file; (what that changed here, the merged file)."""
        phrase = variable("ONESEEK_PHRASE")
        if not phrase:
            raise NoPhrase(NO_PHRASE)
        from oneseek.engine.history.native_keys import NativeCipher  # not in the page

        clock, cipher = self.service.clock, NativeCipher()
        state, _ = await unseal(data, phrase, cipher)
        found = await self.service.learner.beneath(import_state(self.store, state, clock))
        await self.store.scrub()
        await self._finish_or_hurry()
        signer = self.service.versions.ledger.signer
        return found, (await export_state(self.store, phrase, clock, cipher, signer))[1]

    async def _finish_or_hurry(self) -> None:
        await self.service.queue.load()
        if self.service.paced:  # a page does not work when nobody asks
            with urgent():
                await self.finish()
        else:
            self.service.hurry()

    async def finish(self) -> bool:
        """Train versions again without what was forgotten; whether there were any."""
        done = await self.service.learner.finish_forgetting()
        if done:
            await self.service.queue.load()
        return done
