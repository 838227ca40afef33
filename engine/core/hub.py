"""Resolves a pasted text to a file anywhere or a repository of a hub, and reads the hub's listing.

A hub answers as Hugging Face does: `api/models/OWNER/NAME?blobs=true` lists the files of a
repository with their sizes and hashes, `OWNER/NAME/resolve/REVISION/FILE` is one of them.
"""

HOME = "https://huggingface.co"
ALSO = ("hf.co", "www.huggingface.co")  # other names of it
WITHIN = ("resolve", "blob", "raw", "tree")  # in an address, before the revision
WEIGHTS = ".gguf"
BESIDE = "mmproj"  # in the name of a file that lies beside a model and is none
UNREAD = ("IQ1", "IQ2", "IQ3", "IQ4", "Q2_K", "Q3_K", "TQ1", "TQ2", "MXFP4")
"""What a file is packed as that OneSeek does not read, as names tell it."""
GOOD = ("Q4_K_M", "Q4_1", "Q4_K_S", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0")
"""What a file of a repository is packed as: the smallest that is good first."""


def place(text):
    """Return what a pasted text names: {"file": address}, or {"origin", "repository", "revision",
    "path"} of a hub, the last two perhaps empty; None where it is neither."""
    text = text.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        first = text.partition("/")[0]
        known = first in ALSO or HOME == "https://" + first
        return place("https://" + text) if known else within(HOME, text)
    if scheme not in ("http", "https"):
        return None
    host, _, path = rest.partition("/")
    path = path.partition("#")[0].partition("?")[0]
    origin = HOME if host in ALSO else scheme + "://" + host
    found = within(origin, path)
    steps = path.split("/")
    if found and (origin == HOME or (len(steps) > 2 and steps[2] in WITHIN)):
        return found
    return {"file": text} if path.lower().endswith(WEIGHTS) else None


def within(origin, path):
    """Parse a path of a hub: OWNER/NAME, and perhaps a file with or without its revision; None if
    it names no repository."""
    steps = [step for step in path.split("/") if step]
    if len(steps) < 2 or not all([is_name(step) for step in steps]):
        return None
    repository, rest, revision = "/".join(steps[:2]), steps[2:], ""
    if rest and rest[0] in WITHIN:
        revision, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
    path = "/".join(rest)
    if path and not path.lower().endswith(WEIGHTS):
        path = ""
    return {"origin": origin, "repository": repository, "revision": revision, "path": path}


def is_name(step):
    return step not in (".", "..") and all(
        [c.isalpha() or c.isdigit() or c in "-_.%" for c in step]
    )


def host(address):
    return address.partition("://")[2].partition("/")[0]


def through(address, mirror):
    """Return the same address on the mirror of the hub, where one is named."""
    if mirror and address.startswith(HOME + "/"):
        return mirror.rstrip("/") + address[len(HOME) :]
    return address


def make_listing_address(place):
    """The address at which a hub lists a repository."""
    named = "/revision/" + place["revision"] if place["revision"] else ""
    return place["origin"] + "/api/models/" + place["repository"] + named + "?blobs=true"


def list_models(place, told):
    """Return the models of a repository as a hub lists it, {"path", "bytes", "sha256", "address"}:
    the smallest good one first, then by size; and its licence. A sha256 may be empty."""
    models = [
        one for one in weights(place, told)
        if BESIDE not in one["path"].lower() and place["path"] in ("", one["path"])
    ]  # fmt: skip
    return best_first(models), licence(told)


def list_eyes(place, told):
    """The files with eyes (llama.cpp's `mmproj`) of a repository, in the same form and order."""
    return best_first([one for one in weights(place, told) if BESIDE in one["path"].lower()])


def weights(place, told):
    """Return the files of a repository that can be read, without parts of split ones."""
    revision = told.get("sha") or place["revision"] or "main"
    found = []
    for one in told.get("siblings", []):
        path, large = one["rfilename"], one.get("lfs") or {}
        name = path.split("/")[-1].lower()
        if not name.endswith(WEIGHTS) or is_part(name):
            continue
        if any([kind in name.upper() for kind in UNREAD]):
            continue
        address = "/".join((place["origin"], place["repository"], "resolve", revision, path))
        found.append(
            {
                "path": path,
                "bytes": large.get("size") or one.get("size") or 0,
                "sha256": large.get("sha256") or "",
                "address": address,
            }
        )
    return found


def best_first(files):
    """Return the smallest good one, then the others by size."""
    files = sorted(files, key=lambda one: one["bytes"])
    if not files:
        return []
    best = min(files, key=lambda one: goodness(one["path"]))
    return [best] + [one for one in files if one is not best]


def goodness(path):
    """Return the place of a file's packing among the good ones, 0 for the first."""
    name = path.upper()
    return next((n for n, kind in enumerate(GOOD) if kind in name), len(GOOD))


def is_part(name):
    """Whether it is one of several files of a model, `big-00001-of-00003.gguf`."""
    steps = name[: -len(WEIGHTS)].split("-")
    return len(steps) > 3 and steps[-2] == "of" and steps[-1].isdigit()


def licence(told):
    """Return the licence that the hub states, or nothing."""
    card = told.get("cardData") or {}
    if isinstance(card.get("license"), str):
        return card["license"]
    tags = [one for one in told.get("tags", []) if one.startswith("license:")]
    return tags[0][len("license:") :] if tags else ""


def name_file(address):
    """Return the name under which a file from there is kept: the same for the same file."""
    path = address.partition("://")[2].partition("?")[0].split("/")
    if len(path) > 5 and path[3] == "resolve":
        path = path[1:3] + path[5:]  # neither host nor revision
    else:
        path = path[:1] + path[-1:]
    return "_".join([step for step in path if step])
