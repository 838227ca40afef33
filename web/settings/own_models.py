"""Model files of the person's own: the page says what they are, and whether they load and learn
here, before anything of them is copied."""

from oneseek.engine.core import hub
from oneseek.engine.core.messages import LookAt
from oneseek.web.lib import dom, failures, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.settings.packing import hand_over, name_packed
from oneseek.web.shell.link import Refused

WEIGHTS = (".gguf", ".safetensors")
BESIDE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "model.safetensors.index.json",
)
ADAPTER = ("adapter_config.json", "adapter_model.safetensors", "README.md")
UNUSED = ("special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt")
"""Files beside weights that are neither read nor documents."""


class OwnModels:
    def __init__(self, page):
        self.page = page
        self.found = {}  # name -> (its files, what the engine tells of them)
        dom.verbs(
            {
                "pick-model": lambda of, el: self.pick(),
                "use-given": lambda of, el: self.choose(of, el),
            }
        )

    async def pick(self):
        chosen = await files.pick(",".join(WEIGHTS) + ",.json,.jinja")
        if chosen:
            models, _ = sort(chosen)
            await self.look([one for _, one in models] or [chosen])

    async def look(self, models):
        """Show each group of files in a dialog, as the engine reads it."""
        looking = self.page.toast(t("given.looking"))
        self.found, cards = {}, []
        for group in models:
            try:
                told = await self.inspect(group)
            except Refused as refused:
                failures.show(self.page, refused.failed)
                continue
            name = folder_name(told, group)
            self.found[name] = group, told
            cards.append(self.card(name, told))
        looking.remove()
        if cards:
            overlay.dialog(t("given.title"), cards, name="given")

    async def inspect(self, group):
        """What the engine reads in a group of files."""

        def request(channel):
            return LookAt(channel=channel)

        return (await hand_over(group, request, self.page.engine.ask)).told

    def card(self, name, told):
        kind = told["kind"] or t("given.unknown")
        facts = [kind, t.size(told["bytes"])]
        facts += [t("given.files", n=told["files"])] if told["files"] > 1 else []
        facts += [one for one in (told["architecture"], told["licence"]) if one]
        if told["parameters"]:
            facts.append(t("given.parameters", n=round(told["parameters"] / 1e6)))
            facts.append(", ".join(told["types"]))
        ways = told.get("packed", [])
        usable = told["loads"] and (told["chats"] or any(one["chats"] for one in ways))
        use = dom.button(t("models.use"), "use-given", name, cls="primary small")
        return dom.make(
            "div",
            dom.icon("mark"),
            dom.make(
                "div",
                dom.make("h3", told["title"] or told["name"]),
                dom.make("p", " · ".join(facts)),
                sees(told["eyes"]) if told["eyes"] else None,
                dom.make("p", verdict(told), cls="note") if not ways else None,
                self.page.model_loader.comes_along("given.beside") if usable else None,
                None if told["loads"] else failures.raw(told["why"]),
                self.ways(name, told, ways) if ways else None,
            ),
            use if usable else None,
            cls="choice",
        )

    def ways(self, name, told, packed):
        """The choice between a file as it is and packed: what each takes, and what packing
        costs."""
        begun = [
            one for one in packed if self.page.packer.share_of(name_packed(name, one["embeddings"]))
        ]
        best = next((one for one in begun + [told] + packed if one["chats"]), None)
        rows = [way_of(name, "", told, best, t("given.as_it_is", size=t.size(told["bytes"])))]
        for one in packed:
            size = t("given.packed_" + one["embeddings"], size=t.size(one["bytes"]))
            rows.append(way_of(name, one["embeddings"], one, best, size))
        return dom.make(
            "fieldset",
            rows,
            dom.make("p", t("given.packing_costs"), cls="note"),
            cls="ways",
            label=t("given.ways"),
        )

    async def choose(self, name, button):
        """Use the files as they are, or pack them first."""
        group, told = self.found[name]
        field = dom.find("input:checked", dom.or_none(button.closest(".choice")))
        wanted = field.value if field else ""
        way = next((one for one in told.get("packed", []) if one["embeddings"] == wanted), None)
        if not way:
            await self.use(name)
        elif self.page.model_loader.lacks(way["bytes"]):
            self.page.toast(self.page.model_loader.lacks(way["bytes"]), seconds=20)
        else:
            overlay.close_all()
            await self.page.packer.pack(group, name, way, told["title"] or told["name"])

    async def use(self, name):
        """Copy the files into OPFS, where the engine reads them at each visit, and load the
        model."""
        overlay.close_all()
        group, _ = self.found[name]
        await self.page.store.batch([["delete", "state", "file:inbox/" + name]])  # of an older file
        if len(group) == 1:
            await files.put_in_inbox(group[0], name)
        else:
            await files.put_folder_in_inbox(name, group)
        await self.page.model_loader.load("file:" + name)


def sees(eyes):
    """A line that the model looks at pictures, and what its eyes take."""
    size, memory = t.size(eyes["bytes"]), t.size(eyes["loaded_bytes"])
    return dom.make("p", t("given.sees", size=size) + " " + t("offer.eyes_take", size=memory))


def way_of(name, value, takes, best, words):
    """One way to take a model in: checked if it is the best, disabled if it is too large."""
    field = dom.make("input", type="radio", name="as-" + name, value=value)
    dom.change(field, checked=takes is best, disabled=not takes["chats"])
    said = dom.make("span", words, dom.make("small", fits(takes), cls="note"))
    return dom.make("label", field, said)


def verdict(told):
    """Whether the model loads and learns here, and why not."""
    if not told["loads"]:
        return t("given.refused", why=t("given.why_" + told["why_kind"], what=told["why_what"]))
    return fits(told)


def fits(told):
    """What a model can do here, by the memory it needs."""
    room = t.size(told["room"])
    if not told["chats"]:
        return t("fits.nothing_" + told["limit"], needs=t.size(told["chat_bytes"]), room=room)
    needs = t.size(told["learn_bytes"])
    if told["learns"]:
        return t("fits.learns", needs=needs)
    return t("fits.chats_" + told["limit"], needs=needs, room=room)


def adapter(found):
    """The files of an adapter, if there is one; the other files of PEFT's folder are neither a
    model nor a document."""
    if not any([file.name == ADAPTER[0] for file in found]):
        return []
    return [file for file in found if file.name in ADAPTER]


def sort(found):
    """([(name, files of one model)], all other files): shards of a model belong together, and so do
    its weights and the files beside them."""
    models, others, shards, eyes = {}, [], [], []
    for file in found:
        name = file.name.lower()
        if name.endswith(".gguf") and hub.BESIDE in name:
            eyes.append(file)
        elif name.endswith(".gguf"):
            models.setdefault(whole_name(file.name), []).append(file)
        elif name.endswith(".safetensors"):
            shards.append(file)
        else:
            others.append(file)
    if len(models) == 1:  # with several models nobody knows whose they are
        next(iter(models.values())).extend(eyes[:1])
    elif eyes:
        models[eyes[0].name] = eyes[:1]
    if shards:
        models["safetensors"] = shards + [file for file in others if file.name in BESIDE]
        others = [file for file in others if file.name not in BESIDE + UNUSED]
    return list(models.items()), others


def whole_name(name):
    """`big.gguf` for `big-00001-of-00003.gguf`; other names stay."""
    parts = name[:-5].split("-")
    if len(parts) > 3 and parts[-2] == "of" and parts[-3].isdigit() and parts[-1].isdigit():
        return "-".join(parts[:-3]) + name[-5:]
    return name


def folder_name(told, group):
    """The name that files are kept under: the same for the same files, so that they are kept
    once."""
    if len(group) == 1:
        return group[0].name
    return "%s-%d-%d" % (told["architecture"] or "model", told["parameters"], told["bytes"])
