"""The requests about what was learned: to use, ask, forget, export, import, check and sign it."""

from __future__ import annotations

from oneseek.engine.core.messages import (
    Done,
    Export,
    File,
    Forget,
    Forgotten,
    ImportAdapter,
    Imported,
    LetGo,
    Recall,
    Recalled,
    Sign,
    Signing,
    Use,
    Verified,
    Verify,
)
from oneseek.engine.history.audit import check_store
from oneseek.engine.history.snapshot import SnapshotDamaged
from oneseek.engine.history.versions import label
from oneseek.engine.model.adapters import AdapterError
from oneseek.engine.model.formats import ModelFile
from oneseek.workers.tab import outbox
from oneseek.workers.tab.resident import Resident
from oneseek.workers.tab.web_crypto import BrowserSigner


class VersionRequests:
    """The requests of Memory and Versions."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident

    async def on_use(self, request: Use) -> Done:
        """Make a version the one in use."""
        await self.resident.require_assistant().updater.rollback(request.version)
        self.resident.emit_changed("state", "ledger")
        return Done()

    async def on_recall(self, request: Recall) -> Recalled:
        """Ask one learned example with no chat around it."""
        text, has_value, number = await self.resident.require_assistant().recall(request.example)
        record = await self.resident.versions.record(number) if number else None
        return Recalled(text=text, has_value=has_value, version=label(record))

    async def on_forget(self, request: Forget) -> Forgotten:
        """Tell what forgetting would mean; with `now`, do it."""
        touched, before = await self.resident.require_assistant().learner.forget(
            request.examples, request.now
        )
        if request.now:
            self.resident.emit_changed(
                "versions", "examples", "queue", "ledger", "state", "samples", "facts"
            )
        return Forgotten(versions=[label(one) for one in touched], retrain_from=label(before))

    async def on_let_go(self, request: LetGo) -> Done:
        """Let go of facts: from the next question on no answer holds them."""
        await self.resident.require_assistant().mind.let_go(request.examples, request.skipped)
        self.resident.emit_changed("facts", "queue")
        return Done()

    async def on_export(self, request: Export) -> File:
        """Write a version as a file for the person, into OPFS out/."""
        assistant = self.resident.require_assistant()

        async def open_file() -> ModelFile:
            base, origin = self.resident.versions.base, self.resident.loaded.origin
            return await self.resident.models.open(base, True, origin, lambda *figures: None)

        name, data = await outbox.export(
            assistant, self.resident.versions, request.version, request.format, open_file
        )
        return File(name=name, size=await outbox.put(name, data))

    async def on_import_adapter(self, request: ImportAdapter) -> Imported:
        """Make a version of an adapter from elsewhere, and use it, if the gate accepts it."""
        assistant = self.resident.require_assistant()
        learner = assistant.learner
        came = {name: await outbox.take(name) for name in request.names}
        flat, name = outbox.adapter_in(came, assistant)
        given = {learner.trainer.called: flat}
        ended = await learner.beneath(learner.training.admit(given, name))
        self.resident.emit_changed("versions", "ledger", "state")
        if ended["version"] is None:
            raise AdapterError(f"the adapter was evaluated and is not used: {ended['reason']}")
        return Imported(version=label(ended["version"]))

    async def on_verify(self, request: Verify) -> Verified:
        """Check every hash that is stored, and the chain that explains them."""
        findings = await check_store(self.resident.store)
        if request.version:
            try:
                await self.resident.require_assistant().learner.rebuilder.weights(request.version)
            except SnapshotDamaged as damaged:
                findings.append(str(damaged))
        return Verified(ok=not findings, findings=findings)

    async def on_sign(self, request: Sign) -> Signing:
        """Sign the ledger with the person's own key from now on, or no more."""
        signer = await BrowserSigner.of(self.resident.store) if request.on else None
        self.resident.sign_with(signer)
        return Signing(public_key=signer.public_key if signer else "")
