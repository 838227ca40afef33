"""The facts told and forgotten, as a state that any number of devices can merge (a CRDT).

A state maps each question (`about`, the hash of its words) to one entry: the latest fact, or a
tombstone for a forgotten one. Of two entries the one with the later stamp stays, (clock, forgotten,
id); where the stamps are equal the words are too, and the person's own wordings of both are kept.
The greatest of a total order and the union of sets do not depend on order, grouping or repetition,
and neither does their pairing: every device that has seen the same entries, however they came,
holds the same state. No entry ever leaves it, so a fact older than a tombstone cannot come back,
and a fact told anew is later.
"""

from oneseek.engine.core.collecting.content import content_hash, prompt_hash

WORDS = ("prompt", "answer", "language")
LATEST = 2**53  # what JavaScript counts to
FORGOTTEN = "forgotten"  # the store of tombstones, by the hash of the question
DATA_SET = "dataset"
KEPT = "kept"  # a statement: in the memory, and no lesson of its own
LIVES = ("ready", "rejected", KEPT)  # a rejected lesson is in the memory all the same


class Unreadable(ValueError):
    """Something is no entry; nothing was taken over."""


def make_entry(prompt, answer, clock, phrasings=(), language="und", source=None):
    """Return the entry of something that was told at this time."""
    kept = {}
    for name, value in sorted((source or {}).items()):
        if isinstance(value, (str, int)):
            kept[name] = value
    if not isinstance(kept.get("kind"), str):
        kept["kind"] = "told"
    return {
        "about": prompt_hash(prompt),
        "id": content_hash(prompt, answer),
        "clock": clock,
        "prompt": prompt,
        "answer": answer,
        "language": language,
        "phrasings": sorted(set(phrasings)),
        "source": kept,
    }


def make_tombstone(about, clock):
    """The tombstone of something that was forgotten at this time: only a hash of its words."""
    return {"about": about, "id": "", "clock": clock}


def is_told(entry):
    return entry is not None and "answer" in entry


def stamp(entry):
    """Return what decides between two entries about the same: a tombstone wins over what was told
    at the same time."""
    return (entry["clock"], 0 if is_told(entry) else 1, entry["id"])


def merge_entries(one, other):
    """Return the one entry that holds what both say."""
    if stamp(one) != stamp(other):
        return max(one, other, key=stamp)
    if not is_told(one):
        return one
    entry = dict(max(one, other, key=_words))
    entry["phrasings"] = sorted(set(one["phrasings"] + other["phrasings"]))
    return entry


def merge_states(one, other):
    """Return the state of two devices that have told each other everything."""
    found = dict(one)
    for about, entry in other.items():
        found[about] = merge_entries(found[about], entry) if about in found else entry
    return found


def news(here, came):
    """Return what a state that `came` changes `here`: the new entries, told and forgotten ("gone"),
    and as "met" the {"kept", "other"} of two answers to one question."""
    found = {"told": [], "gone": [], "met": []}
    for about in sorted(came):
        mine, entry = here.get(about), came[about]
        kept = merge_entries(mine, entry) if mine else entry
        if kept != mine:
            found["told" if is_told(kept) else "gone"].append(kept)
        if is_told(mine) and is_told(entry) and mine["id"] != entry["id"]:
            found["met"].append({"kept": kept, "other": entry if kept is mine else mine})
    return found


def check_entries(entries):
    """Return the state of a list of entries from outside, or raise Unreadable."""
    state = {}
    if not isinstance(entries, list):
        raise Unreadable("there is no list of entries")
    for entry in entries:
        try:
            good = _is_good(entry) and entry["about"] not in state
        except (KeyError, TypeError, ValueError, AttributeError):
            good = False
        if not good:
            raise Unreadable("this is no entry: %r" % (entry,))
        state[entry["about"]] = entry
    return state


def _is_good(entry):
    clock, about = entry["clock"], entry["about"]
    if not isinstance(clock, int) or isinstance(clock, bool) or not 0 < clock < LATEST:
        return False
    if "answer" not in entry:
        return len(about) == 16 and int(about, 16) >= 0 and entry == make_tombstone(about, clock)
    texts = [entry[name] for name in WORDS] + entry["phrasings"]
    fits = all([isinstance(text, str) and text.strip() for text in texts])
    more = (entry["phrasings"], entry["language"], entry["source"])
    return fits and entry == make_entry(entry["prompt"], entry["answer"], clock, *more)


def _words(entry):
    """Return a sort key for texts of the same meaning that is the same everywhere."""
    source = [(name, str(value)) for name, value in sorted(entry["source"].items())]
    return ([entry[name] for name in WORDS], source)


def was_told(record):
    """Whether a record is something a person told, which travels; what was read from a document
    stays where that is, and what somebody else told a server stays there."""
    source = record.get("source") or {}
    read = record.get("priority") == "import" or "document" in source
    return record.get("kind") != DATA_SET and not read and not source.get("user")


def put_tombstone(about, clock):
    """Return the change that stores a tombstone for a question, by its hash."""
    return ["put", FORGOTTEN, about, {"clock": clock}]


def put_tombstones(left, now):
    """Return the changes for records that left the queue unlearned, or were put aside in it."""
    gone = [one for one in left if one["state"] in LIVES and was_told(one)]
    return [put_tombstone(one["about"], max(now, one["time"])) for one in gone]
