"""Makes and parses version names: OneSeek-135M-Zero.v1.7.sv.dsChat-Web.8f3a1c9d.2e7f4b1a.

Parsed, but never made, are short names (OneSeek-7B-Zero.v1.0), those of the previous system
(OQT-1.0.v12), and data categories joined with a plus (dsCivicID+Autonomy). The documents and the
previous system write one family whatever the base model is.
"""

import hashlib
import re
from dataclasses import dataclass

CATEGORIES = {
    "chat": "Chat",
    "website": "Web",
    "text": "Text",
    "image": "Image",
    "identity": "Identity",
    "api": "Api",
}
LANGUAGES, BOTH = ("sv", "en"), "ensv"  # a version that learned in several, or in others, is both
DOCUMENTED = "OneSeek-7B-Zero"
CURRENT = "CURRENT"  # the pointer to the version in use
_PATTERN = re.compile(
    r"(?P<family>OneSeek-[0-9.]+[MBT]-Zero|OQT-[0-9.]+?)\.v(?P<major>\d+)(?:\.(?P<micro>\d+))?"
    r"(?:\.(?P<language>sv|en|ensv)\.ds(?P<categories>[A-Za-z0-9]+(?:[-+][A-Za-z0-9]+)*)"
    r"\.(?P<weights>[0-9a-f]{8})\.(?P<time>[0-9a-f]{8}))?"
)


def family(parameters: int) -> str:
    """The family takes its size from the base model: 134.5 million -> OneSeek-135M-Zero."""
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if parameters >= 0.9995 * size or unit == "M":
            count = parameters / size
            text = f"{count:.0f}" if count >= 9.95 or unit == "M" else f"{count:.1f}"
            return f"OneSeek-{text.removesuffix('.0')}{unit}-Zero"
    raise AssertionError("every size has a unit")


@dataclass(frozen=True)
class VersionName:
    family: str
    major: int
    micro: int
    language: str
    categories: tuple[str, ...]
    weights: str
    time: str

    def __str__(self) -> str:
        short = f"{self.family}.{self.label}"
        if not self.weights:
            return short
        told = f"ds{'-'.join(self.categories)}.{self.weights}.{self.time}"
        return f"{short}.{self.language}.{told}"

    @property
    def label(self) -> str:
        return f"v{self.major}.{self.micro}"


def name_version(
    family: str, number: tuple[int, int], language: str, sources: set[str], sha256: str, time: int
) -> VersionName:
    """`sources` are kinds of sources; the time (ms) is hashed so that the name says no date."""
    categories = tuple(sorted(CATEGORIES.get(kind, "Other") for kind in sources)) or ("None",)
    moment = hashlib.sha256(str(time).encode()).hexdigest()
    return VersionName(family, *number, language, categories, sha256[:8], moment[:8])


def parse(name: str) -> VersionName:
    found = _PATTERN.fullmatch(name)
    if not found:
        raise ValueError(f"{name!r} is not a version name (family.vM.m.language.dsData.hash.hash)")
    part = found.groupdict("")
    return VersionName(
        part["family"],
        int(part["major"]),
        int(part["micro"] or 0),
        part["language"],
        tuple(re.findall(r"[^-+]+", part["categories"])),
        part["weights"],
        part["time"],
    )


def means(asked: str, name: str) -> bool:
    """Whether a name that was asked for, perhaps a short or an old one, is this version's: the
    parts that both have must agree. The family does not count in names of the previous system, nor
    in short names with the documents' family."""
    try:
        said, known = parse(asked), parse(name)
    except ValueError:
        return False
    any_family = said.family.startswith("OQT-") or (said.family == DOCUMENTED and not said.weights)
    same_family = any_family or said.family == known.family
    same_weights = said.weights in ("", known.weights)
    return same_family and same_weights and said.label == known.label
