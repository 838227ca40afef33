"""The known models (models.json), and where on this machine a requested one lies.

A model is requested by its id or by a path; nothing is ever chosen for the user.
"""

import asyncio
import fnmatch
import importlib.util
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from oneseek.engine.core import hub
from oneseek.engine.core.environment import variable
from oneseek.engine.model import demo
from oneseek.engine.model.formats import FormatError, ModelFile, open_model
from oneseek.engine.model.formats.download import DownloadError, download
from oneseek.engine.model.formats.native import FolderShelf, Http, Member
from oneseek.engine.model.vision.file import is_eyes

PATIENCE = 20  # seconds for what a hub says of a repository
MODELS = Path(__file__).with_name("models.json")

ENCODER_MISSING = (
    "facts cannot be remembered yet: the sentence encoder is not on this machine. Nothing was "
    "changed. pip install 'oneseek[app]' brings it; in a checkout python3 build.py dist makes it"
)


class NoBaseModels(ValueError):
    """No base models selected"""

    def __init__(self) -> None:
        super().__init__("No base models selected")


class ModelMissing(LookupError):
    """The model is not on this machine; the message says how to get it."""


def load_models() -> dict[str, dict]:
    """Return the models of models.json by id."""
    return {model["id"]: model for model in json.loads(MODELS.read_text())["models"]}


def load_reading() -> dict:
    """Where the models' scores `reads` come from: the list's name, its day, and its address."""
    return json.loads(MODELS.read_text())["reading"]


def encoder() -> dict:
    """Return the record of the memory's sentence encoder."""
    return json.loads(MODELS.read_text())["encoder"]


def encoder_file() -> Path | None:
    """Where the encoder lies on this machine: made by the build, or installed with the page."""
    wanted, page = encoder(), site()
    found = [locate_parts() / wanted["sha256"][:16] / wanted["file"]]
    if page:
        found += page.glob("models-*/encoder.gguf")
    return next((path for path in found if path.is_file()), None)


def data() -> Path:
    """The user's own data folder."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "oneseek"


def folder() -> Path:
    """Where models lie on this machine: MODELS_DIR, or in the user's own data folder."""
    return Path(variable("MODELS_DIR") or data() / "models")


def site() -> Path | None:
    """The page as built, where `oneseek-site` is installed."""
    found = importlib.util.find_spec("oneseek_site")
    return Path(found.origin).with_name("site") if found and found.origin else None


def locate_parts() -> Path:
    """Where the build keeps the parts of the site, the default model among them."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneseek" / "parts"


def choose_base_models(models: str | None = None) -> list[str]:
    """Return the requested models, or those in BASE_MODELS; there is no default."""
    names = (models or variable("BASE_MODELS")).split(",")
    names = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not names:
        raise NoBaseModels
    return names


def one(models: str | None = None) -> str:
    """Return the one requested model; which of several is never decided for the user."""
    names = choose_base_models(models)
    if len(names) > 1:
        raise ModelMissing(
            f"{len(names)} base models are chosen ({', '.join(names)}), and "
            "one is loaded at a time; choose one with --model"
        )
    return names[0]


def places(model: dict) -> list[Path]:
    """Where a known model may lie, best first."""
    if model["id"] == "tiny":
        return [demo.MODEL]
    found = []
    if folder().is_dir():
        names = fnmatch.filter(sorted(path.name for path in folder().iterdir()), model["file"])
        shelf = FolderShelf(folder())
        found = [folder() / name for name in names if not shelf.is_partial(name)]
    if model["sha256"] and model["source"]["kind"] == "site":
        found.append(locate_parts() / model["sha256"][:16] / model["file"])
    return [path for path in found if path.is_file()]


def find(name: str) -> Path:
    """The path of a model given by id or path."""
    model = load_models().get(name)
    if model is None:
        path = Path(name).expanduser()
        if path.exists():
            return path
        if fetched := find_download(name):
            return fetched
        there = (
            f"; oneseek models --get {name} looks for it on Hugging Face, or at that address"
            if hub.place(name)
            else ""
        )
        raise ModelMissing(
            f"there is no model {name!r}: it is neither a file or folder here nor one of "
            f"{', '.join(load_models())}{there}"
        )
    for path in places(model):
        return path
    raise ModelMissing(f"{model['name']} is not on this machine. {advice(model)}")


def find_download(name: str) -> Path | None:
    """The file that was downloaded for an address or a repository; of several the smallest good
    one."""
    place = hub.place(name)
    if place is None or not folder().is_dir():
        return None
    if "file" in place:
        files = [folder() / hub.name_file(place["file"])]
    else:
        begin = (place["repository"] + "/" + place["path"]).replace("/", "_")
        files = [path for path in folder().glob("*.gguf") if path.name.startswith(begin)]
    files = [path for path in files if path.is_file() and is_whole(path) and not is_eyes(path.name)]
    return min(files, key=lambda path: (hub.goodness(path.name), path.name), default=None)


def is_whole(path: Path) -> bool:
    """Whether a download is complete."""
    try:
        return bool(json.loads(Path(f"{path}.record.json").read_text())["sha256"])
    except (OSError, ValueError, KeyError):
        return False


def advice(model: dict) -> str:
    """How to get a known model that is not here."""
    return f"oneseek models --get {model['id']} downloads it ({size_of(model) / 1e6:.0f} MB)"


def size_of(model: dict) -> int:
    """Bytes of a known model, with its eyes where it has some."""
    return model["bytes"] + model.get("eyes", {}).get("bytes", 0)


def id_of(name: str) -> str:
    """Return a model's id, or the name of its file or folder."""
    return name if name in load_models() else Path(name).name.removesuffix(".gguf")


def open_named(name: str) -> ModelFile:
    """Open a model by id or path; a known one only if it is byte for byte what models.json says."""
    path = find(name)
    file = open_model(path)
    if published := load_models().get(name):
        try:
            check_published(file, published, str(path))
        except FormatError:
            file.close()
            raise
    return file


def check_published(file: ModelFile, published: dict, path: str) -> None:
    """FormatError where a known model, or the eyes beside it, are not byte for byte what
    models.json says."""
    pairs = [(file.sha256(), published["sha256"])]
    if file.eyes and file.eyes.source and "eyes" in published:
        pairs.append((file.eyes.source.sha256(), published["eyes"]["sha256"]))
    for found, expected in pairs:
        if found != expected:
            raise FormatError(
                path,
                f"this is not {published['name']} as it was published (sha256 {found[:16]}... "
                f"instead of {expected[:16]}...). It was not used; delete it and download it again",
            )


async def obtain(name: str, progress=None) -> Path:
    """Download a known model, or one from an address or a hub's repository, into the folder, or
    finish a download; -> its path."""
    model = load_models().get(name)
    if model is None and hub.place(name):
        return find_download(name) or await from_hub(name, progress)
    if model is None:
        known = ", ".join(load_models())
        raise ModelMissing(
            f"there is no model {name!r}; nothing was downloaded. There are: {known}"
        )
    if here := places(model):
        return here[0]
    carrier = model["source"].get("carrier")
    way, url = (
        (Member(carrier["member"]), carrier["url"]) if carrier else (Http(), model["source"]["url"])
    )
    if eyes := model.get("eyes"):  # first: a model that is here is not got again
        await fetch(eyes["file"], eyes | {"address": eyes["url"]}, progress)
    await fetch(
        model["file"], {"address": url, "sha256": model["sha256"], "bytes": 0}, progress, way
    )
    return folder() / model["file"]


async def from_hub(name: str, progress=None) -> Path:
    """Download the file at an address, or the smallest good one of a repository, as its hub lists
    it, with the eyes that lie beside it."""
    place = hub.place(name)
    if "file" in place:
        file = {"address": place["file"], "sha256": "", "bytes": 0}
    else:
        told = await asyncio.to_thread(fetch_listing, hub.make_listing_address(place))
        models, _ = hub.list_models(place, told)
        if not models:
            raise ModelMissing(
                f"{name} has no model as a single GGUF file of a supported kind; nothing was "
                "downloaded. Name another repository, or the address of a file"
            )
        file = models[0]
        for eyes in hub.list_eyes(place, told)[:1]:  # first: a model that is here is not got again
            await fetch(hub.name_file(eyes["address"]), eyes, progress)
    kept_as = hub.name_file(file["address"])
    await fetch(kept_as, file, progress)
    return folder() / kept_as


async def fetch(kept_as: str, file: dict, progress=None, way=None) -> None:
    """Download into the folder, checked against the hash where one is known."""
    url, sha256, size = file["address"], file["sha256"] or None, file["bytes"] or None
    shelf = FolderShelf(folder())
    options = {"sha256": sha256, "progress": progress, "size": size}
    (await download(shelf, way or Http(), kept_as, url, **options)).close()


def fetch_listing(address: str) -> dict:
    """Return a hub's listing of a repository."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(
            f"{hub.host(address)} answered {error.code}; nothing was downloaded"
        ) from error
    except (OSError, ValueError) as error:
        raise DownloadError(
            f"{hub.host(address)} did not list the repository ({error}); nothing was downloaded. "
            "Try again later"
        ) from error
