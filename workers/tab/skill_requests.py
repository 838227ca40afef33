"""The requests about skills: to read, correct or add examples, and to remove a skill."""

from __future__ import annotations

from oneseek.engine.core.messages import (
    ChangeExamples,
    Done,
    ExampleList,
    ReadExamples,
    RemoveSkill,
    SkillExamples,
)
from oneseek.engine.learning.skills.examples import MOST, Examples, lines_in, pair_of, seldom
from oneseek.workers.removal import remove_skill
from oneseek.workers.server_requests import ServerRequests


class SkillRequests:
    """The requests about skills; `server` has the runs that teach them."""

    def __init__(self, server: ServerRequests) -> None:
        self.server, self.resident = server, server.resident

    def on_read_examples(self, request: ReadExamples) -> ExampleList:
        """The examples in a text."""
        pairs = [pair_of(line) for line in lines_in(request.name, request.text)]
        items = [{"prompt": prompt, "answer": answer} for prompt, answer in pairs[:MOST]]
        return ExampleList(items=items, more=len(pairs) - len(items), seldom=seldom(pairs))

    async def on_change_examples(self, request: ChangeExamples) -> SkillExamples:
        """Store what a person corrected or added; the next training learns from it."""
        known = Examples(self.resident.require_assistant().skills)
        told = await known.change(request.skill, request.changes)
        self.resident.emit_changed("state")
        counts = {name: told[name] for name in ("examples", "added", "corrected", "removed")}
        return SkillExamples(**counts)

    async def on_remove_skill(self, request: RemoveSkill) -> Done:
        """Remove a skill, and what taught it."""
        self.resident.require_assistant()
        await remove_skill((await self.server.api_ready()).service.runs, request.name)
        self.resident.emit_changed("state", "versions", "examples", "queue", "ledger")
        return Done()
