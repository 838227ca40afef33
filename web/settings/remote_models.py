"""Models on other sites: the page says first who is asked for what, and fetches nothing before a
yes.

Only web/static/outside.js looks at addresses and fetches files. The yes is stored, so that a
download goes on after a reload; one that was paused waits for the person.
"""

import json

import js
from pyscript import js_import

from oneseek.engine.core import hub
from oneseek.engine.core.messages import Failed, ModelProgress
from oneseek.web.lib import dom, overlay, site
from oneseek.web.lib.words import t
from oneseek.web.settings import offers

FACTS = ("address", "bytes", "sha256")
CHUNK = 4 << 20  # bytes of a piece in a download's record, as engine/model/formats/source.py has it


class RemoteModels:
    """`settings["elsewhere"]` has each model that a person agreed to, by its id: its name, licence,
    address, bytes and sha256, whose hash that is, and its state: fetching, paused or here."""

    def __init__(self, page):
        self.page = page
        self.offered = {}  # id -> what its dialog says before the yes
        dom.verbs(
            {
                "ask-fetch": lambda of, el: self.ask(of),
                "fetch": lambda of, el: self.fetch(of),
                "ask-model-address": lambda of, el: self.ask_address(),
                "look-for-model": lambda of, el: self.look(dom.field(el, "address")),
                "remove-fetched": lambda of, el: self.remove(of),
            }
        )

    def list_agreed(self):
        return self.page.settings["elsewhere"]

    def origin(self, model):
        """The origin of a model, once the person agreed to it; else empty."""
        one = self.list_agreed().get(model)
        if not one:
            return {}
        origin = {name: one[name] for name in FACTS}
        return dict(origin, eyes=one.get("eyes") or {})

    def name(self, model):
        one = self.list_agreed().get(model)
        return one["name"] if one else ""

    # ------------------------------------------------------------------------------- asking

    def button(self, model, cls="small"):
        """A button that fetches a model from another site after a yes, or uses it once it is
        here."""
        if not model["source"].get("url"):
            return None
        one = self.list_agreed().get(model["id"])
        if one and one["state"] == "here":
            return dom.button(t("models.use"), "download", model["id"], cls=cls)
        return dom.button(t("models.fetch"), "ask-fetch", model["id"], "load", cls=cls)

    def offer(self, row):
        """The offer of a listed model, from the mirror if one is named."""
        mirror = self.page.settings["mirror"]
        address = hub.through(row["source"]["url"], mirror)
        whose = "list" if row["sha256"] else "none"
        one = {"name": row["name"], "licence": row["licence"], "address": address, "whose": whose}
        if "eyes" in row:
            one["eyes"] = {name: row["eyes"][name] for name in ("bytes", "sha256")}
            one["eyes"]["address"] = hub.through(row["eyes"]["url"], mirror)
        return dict(one, bytes=row["bytes"], sha256=row["sha256"] or "")

    def ask(self, model):
        """Ask for a yes: what is fetched, from whom, and what that site learns by it."""
        row = self.page.model_loader.model(model)
        if row:
            self.offered[model] = self.offer(row)
        one = self.offered[model]
        link = {"href": one["address"], "target": "_blank", "rel": "noopener noreferrer"}
        host = hub.host(one["address"])
        full = self.page.model_loader.lacks(size_of(one) + self.page.model_loader.beside)
        facts = facts_of(one)
        takes = self.page.model_loader.takes.get(model)
        sha256 = one["sha256"][:16]
        overlay.dialog(
            t("fetch.title", name=one["name"]),
            dom.make("p", " · ".join(facts)),
            dom.make("p", offers.eyes(one["eyes"], takes)) if one.get("eyes") else None,
            self.page.model_loader.comes_along("given.beside"),
            dom.make("p", t("fetch.leaves", host=host)),
            dom.make("p", t("fetch.hash_" + one["whose"], sha256=sha256), cls="note"),
            dom.make("p", full, cls="wrong", role="alert") if full else None,
            dom.make("p", dom.make("a", t("models.get"), **link), cls="note"),
            actions=[
                dom.button(t("cancel"), "close-dialog"),
                dom.button(t("fetch.yes", host=host), "fetch", model, "load", cls="primary"),
            ],
            name="fetch",
        )

    async def fetch(self, model):
        """Store the yes before anything is requested, then load the model."""
        overlay.close_all()
        if self.page.model_loader.busy:
            self.page.toast(t("download.busy"))
            return
        await self.know(model, dict(self.offered[model], state="fetching"))
        await self.page.model_loader.load(model)

    # ---------------------------------------------------------------------------- an address

    def ask_address(self, wrong=""):
        field = dom.make("input", type="text", name="address", required=True, autocomplete="off")
        dom.change(field, placeholder="Qwen/Qwen3-0.6B-GGUF", spellcheck="false")
        form = dom.make(
            "form",
            dom.make("p", t("fetch.address_text", host=hub.host(self.hub()))),
            dom.make("label", t("fetch.address"), field, cls="field"),
            dom.make("p", wrong, cls="wrong", role="alert"),
            dom.make(
                "div",
                dom.button(t("cancel"), "close-dialog"),
                dom.make("button", t("fetch.look"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="look-for-model",
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("fetch.address_title"), form, name="model-address")

    def hub(self):
        return self.page.settings["mirror"] or hub.HOME

    async def look(self, text):
        """Show the models at an address, each with its size and licence; only that site is
        asked."""
        place = hub.place(text)
        if place is None:
            self.say(t("fetch.no_address"))
            return
        self.say("")
        found, licence, error, eyes = await self.look_up(place)
        if error or not found:
            self.say(error or t("fetch.no_model"))
            return
        rows = []
        for one in found:
            address, name = one["address"], one["path"].split("/")[-1]
            model = "file:" + hub.name_file(address)
            whose = "hub" if one["sha256"] else "none"
            self.offered[model] = {"name": name, "licence": licence, "whose": whose}
            for fact in FACTS:
                self.offered[model][fact] = one[fact]
            if eyes:  # the smallest good ones of a repository
                self.offered[model]["eyes"] = {fact: eyes[fact] for fact in FACTS}
            rows.append(self.row(model, self.offered[model]))
        overlay.dialog(t("fetch.found"), rows, name="found")

    def row(self, model, one):
        words = dom.make(
            "div",
            dom.make("h3", one["name"]),
            dom.make("p", " · ".join(facts_of(one))),
            dom.make("p", offers.eyes(one["eyes"]), cls="note") if one.get("eyes") else None,
        )
        button = dom.button(t("models.fetch"), "ask-fetch", model, cls="small")
        return dom.make("div", dom.icon("mark"), words, button, cls="choice")

    async def look_up(self, place):
        """(models, licence, why there are none, the eyes beside them) of a place, as its site
        tells."""
        (script,) = await js_import(site.path("dropped.js"))
        mirror = self.page.settings["mirror"]
        if "file" in place:
            address = place["file"]
            said = await script.look(site.path("outside.js"), address)
            if why := explain_refusal(said, address):
                return [], "", why, None
            one = {"path": address.partition("?")[0], "address": address}
            return [dict(one, bytes=int(said.size), sha256=said.sha256)], "", "", None
        if place["origin"] == hub.HOME and mirror:
            place = dict(place, origin=mirror.rstrip("/"))
        address = hub.make_listing_address(place)
        said = await script.ask(site.path("outside.js"), address)
        if why := explain_refusal(said, address):
            return [], "", why, None
        try:
            told = json.loads(await said.file.text())
            found, licence = hub.list_models(place, told)
            eyes = hub.list_eyes(place, told)
        except (ValueError, KeyError, TypeError, AttributeError):
            return [], "", t("fetch.no_list", host=hub.host(address)), None
        return found, licence, "", eyes[0] if eyes else None

    def say(self, words):
        dom.find("#model-address .wrong").textContent = words

    # ---------------------------------------------------------------------------- what is kept

    async def know(self, model, one):
        """Store what a person agreed to, or forget it (None)."""
        agreed = {id: kept for id, kept in self.list_agreed().items() if id != model}
        if one:
            agreed[model] = one
        await self.page.set(elsewhere=agreed)
        self.page.model_list.draw()

    async def on_arrived(self, model):
        """Note that the file is here and was checked; its hash is kept from now on."""
        one = self.list_agreed().get(model)
        if one and one["state"] != "here":
            record = await self.record(model) or {}
            sha256 = record.get("sha256") or one["sha256"]
            await self.know(model, dict(one, state="here", sha256=sha256))

    async def on_stopped(self, model):
        """Note that the download waits for the person, also in the next visit."""
        one = self.list_agreed().get(model)
        if one and one["state"] == "fetching":
            await self.know(model, dict(one, state="paused"))

    async def on_begun(self, model):
        one = self.list_agreed().get(model)
        if one and one["state"] == "paused":
            await self.know(model, dict(one, state="fetching"))

    def find_unfinished(self):
        """The model whose download was under way when the page was closed; else empty."""
        agreed = self.list_agreed()
        return next((one for one in agreed if agreed[one]["state"] == "fetching"), "")

    async def take_up(self):
        """In a new visit, go on with the download that was under way, or show the paused one."""
        model = self.find_unfinished()
        if model:
            await self.page.model_loader.load(model)
            return
        agreed = self.list_agreed()
        paused = next((one for one in agreed if agreed[one]["state"] == "paused"), "")
        if paused and not self.page.model:
            done = len((await self.record(paused) or {}).get("chunks", ())) * CHUNK
            total = size_of(agreed[paused])
            told = ModelProgress(model=paused, phase="download", done=done, total=total, rate=0.0)
            failed = Failed(where="LoadModel", reason="", detail="stopped")
            self.page.model_loader.show_paused(told, failed)

    async def record(self, model):
        return await self.page.store.get("state", key_of(model))

    async def list_stored(self, models):
        """The ids of the listed models that this browser keeps, whole and checked."""
        there, stored = set(await self.page.store.keys("state")), set()
        for row in models:
            known = key_of(row["id"]) in there and await self.record(row["id"])
            if known and known.get("sha256") == row["sha256"]:
                stored.add(row["id"])
        return stored

    def rows(self):
        """The agreed models that no list has, shown wherever models are chosen."""
        agreed = self.list_agreed()
        listed = [one["id"] for one in self.page.model_loader.models]
        return [self.show_kept(one, agreed[one]) for one in agreed if one not in listed]

    def show_kept(self, model, one):
        facts = facts_of(one)
        here = one["state"] == "here"
        checked = t("fetch.checked_" + one["whose"], sha256=one["sha256"][:16]) if here else ""
        words = dom.make(
            "div",
            dom.make("h3", one["name"]),
            dom.make("p", " · ".join(facts)),
            dom.make("p", checked, cls="note") if checked else None,
        )
        loaded = bool(self.page.model) and self.page.model.model == model
        use = dom.button(t("models.use" if here else "download.resume"), "download", model)
        away = dom.button(t("fetch.remove"), "remove-fetched", model, cls="small")
        buttons = [dom.make("span", t("models.current"), cls="tag good")] if loaded else [use, away]
        return dom.make(
            "div", dom.icon("mark"), words, dom.make("div", buttons, cls="row"), cls="choice"
        )

    async def remove(self, model):
        """Delete a model with its eyes, and forget the yes."""
        overlay.close_all()
        await self.page.model_loader.throw_away(model)
        eyes = self.list_agreed().get(model, {}).get("eyes")
        if eyes and model.startswith("file:"):
            await self.page.model_loader.throw_away("file:" + hub.name_file(eyes["address"]))
        await self.know(model, None)
        if self.page.settings["model"] == model:
            await self.page.set(model="")


def key_of(model):
    """The key of a model's file in the store `state`."""
    inbox = model.startswith("file:")
    return "file:inbox/" + model[5:] if inbox else "file:models/%s.gguf" % model


def size_of(one):
    """Bytes of a model with its eyes."""
    return one["bytes"] + (one.get("eyes") or {}).get("bytes", 0)


def facts_of(one):
    """Size, licence and host of a file."""
    facts = [t.size(one["bytes"]) if one["bytes"] else t("fetch.size_unknown")]
    return facts + [one["licence"] or t("fetch.licence_unknown"), hub.host(one["address"])]


def explain_refusal(said, address):
    """Why a site gave nothing, in words; empty when it did."""
    host, error = hub.host(address), getattr(said, "error", None)
    if error:
        key = "slow" if error == "slow" else "closed" if js.navigator.onLine else "offline"
        return t("fetch.look_" + key, host=host)
    if said.status == 429:
        return t("fetch.look_busy", host=host)
    return "" if said.status == 200 else t("fetch.look_status", host=host, status=said.status)
