"""The names of a server's base models and of their versions."""

from __future__ import annotations

from oneseek.engine.history import naming
from oneseek.engine.history.versions import GENERIC, SKILL, Versions, label, pointer_of
from oneseek.workers.server.guests import Guests


class NoSuchModel(LookupError):
    """A request names a model or version that is not here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no model {name!r}; GET /v1/models lists them")


class Names:
    """`model` is the one that answers, `guests` are those beside it."""

    def __init__(self, model: str, versions: Versions, guests: Guests) -> None:
        self.model, self.versions, self.guests = model, versions, guests

    @property
    def models(self) -> list[str]:
        """The base models, the one that answers first."""
        return [self.model, *self.guests.known]

    def base_of(self, model: str) -> str:
        """The key that a base model's versions are stored under."""
        return self.versions.base if model == self.model else self.guests.known[model].base

    def pointer(self, model: str) -> str:
        """The key of the record on which version of a base model is in use."""
        return pointer_of(self.base_of(model), GENERIC)

    def label_version(self, model: str, record: dict | None) -> str:
        """The label of a version among those of all models here."""
        return label(record) if model == self.model else f"{model}:{label(record)}"

    async def version(self, name: str) -> int | None:
        """The number of the version that `model`, `model:v1.2`, `v1.2`, a version's name (also one
        from the earlier system) or a skill's (`oneseek:orders`) means; None is the one in use."""
        model, number = await self.find(name)
        if model != self.model:
            raise NoSuchModel(name)
        return number

    async def find(self, name: str) -> tuple[str, int | None]:
        """(base model, number) for such a name of any base model here, with `model:` in front of
        it."""
        model = name.partition(":")[0]
        model = model if model in self.guests.known else self.model
        if name in (model, "oneseek"):
            return model, None
        wanted = name.removeprefix(model + ":").removeprefix("oneseek:")
        if wanted == label(None):
            return model, 0
        if wanted == naming.CURRENT:
            pointer = await self.versions.store.get("state", self.pointer(model))
            return model, pointer["number"] if pointer else 0
        if skill := await self.versions.number(SKILL + wanted):
            return model, skill
        for _, record in await self.versions.store.all("versions"):
            names = (label(record), record["name"], record["gate"].get("came_as"))
            known = wanted in names or naming.means(wanted, record["name"])
            if known and record["base"] == self.base_of(model):
                return model, record["number"]
        raise NoSuchModel(name)
