"""A GGUF split into several files: which belong together, and their common header.

Every part has a header of its own; the first one's describes the model (llama-gguf-split).
"""

import re

from oneseek.engine.model.formats import gguf
from oneseek.engine.model.formats.source import FormatError

PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
MAX_PARTS = 256
SAME, TOTAL = ("general.architecture", "general.name"), "split.tensors.count"


def whole_name(name):
    """Return the name of the model that this file may be a part of."""
    match = PART.fullmatch(name)
    return f"{match[1]}.gguf" if match else name


def names_of(name):
    """Return the names of all parts of this file's model; only its own name when it is complete."""
    match = PART.fullmatch(name)
    if not match:
        return [name]
    count = int(match[3])
    if not 1 <= count <= MAX_PARTS:
        raise FormatError(name, f"its name says {count} parts; 1 to {MAX_PARTS} are possible")
    return [f"{match[1]}-{number:05}-of-{match[3]}.gguf" for number in range(1, count + 1)]


def all_of(name, folder):
    """Return the same, after checking that they are all in the folder."""
    names = names_of(name)
    missing = [part for part in names if part not in folder]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise FormatError(
            whole_name(name),
            f"{missing[0]}{more} of {len(names)} parts is missing; download it, and choose all "
            "parts together or their folder",
            kind="parts",
            what=missing[0],
        )
    return names


def read_header(sources):
    """Return the header of a model in one file or several, as (metadata, tensors by name)."""
    parts, tensors, first = {}, {}, {}
    for source in sources:
        keys, found = gguf.read_header(source)
        number = _check_part(source, keys, len(sources))
        if number in parts:
            raise FormatError(source.name, f"is part {number + 1}, and so is another file")
        for name in found:
            if name in tensors:
                raise FormatError(source.name, f"the tensor {name!r} is in another part too")
        tensors |= found
        first = keys if number == 0 else first
        parts[number] = source, _of_all(keys)  # more of the others is not needed
    _check_agreement(parts, len(tensors))
    return first, tensors


def _of_all(keys):
    """Return what a part says of the whole."""
    return {key: repr(keys[key]) for key in (*SAME, TOTAL) if key in keys}


def _check_agreement(parts, count):
    first = parts[0][1]
    for source, told in parts.values():
        for key in SAME:
            if told.get(key, first.get(key)) != first.get(key):
                raise FormatError(source.name, f"is a part of another model ({told[key]:.80})")
    for source, told in parts.values():
        if told.get(TOTAL, str(count)) != str(count):
            raise FormatError(
                source.name,
                f"the parts hold {count} tensors, but this one says {told[TOTAL]:.80}; "
                "download them all again",
            )


def _check_part(source, keys, given):
    """Return which part this is, counted from 0; it must be one of as many as there are."""
    count, number = keys.get("split.count", 1), keys.get("split.no", 0)
    if type(count) is not int or type(number) is not int:
        raise FormatError(source.name, f"says it is part {number!r:.80} of {count!r:.80}")
    count = max(count, 1)
    if count != given:
        choose, download = "choose all of them together, or their folder", "download them again"
        advice = choose if given == 1 else download
        reason = f"this is one of {count} parts, not of {given}; {advice}"
        raise FormatError(source.name, reason, kind="parts", what=count)
    if not 0 <= number < count:
        raise FormatError(source.name, f"says it is part {number + 1} of {count}")
    return number
