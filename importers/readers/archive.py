"""Opens zip archives safely: members and inflated bytes are counted, never trusted from headers."""

import io
import lzma
import re
import zipfile
import zlib

from lxml import etree

from oneseek.importers.document import ImportRefused
from oneseek.importers.limits import Budget, Exhausted

_PIECE = 65_536


class Archive:
    """A zip whose members come out one at a time, never larger than the budget allows."""

    def __init__(self, data: bytes, budget: Budget):
        self.budget = budget
        self.packed = len(data)
        self.inflated = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
            raise self._make_damage_error() from error
        members = self._zip.infolist()
        if len(members) > budget.limits.members:
            raise ImportRefused(
                f"{budget.name} holds {len(members):,} files; at most {budget.limits.members:,} are "
                "opened at a time. Unpack it and add the ones you need."
            )
        self.names = [m.filename for m in members if not m.is_dir()]

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str) -> bytes:
        pieces = []
        try:
            info = self._zip.getinfo(name)
            if info.flag_bits & 1:
                raise ImportRefused(
                    f"{self.budget.name} is locked by a password; unpack it first, then add what is inside."
                )
            with self._zip.open(info) as member:
                while piece := member.read(_PIECE):
                    self._spend(len(piece))
                    pieces.append(piece)
        except KeyError as error:
            raise self._make_damage_error() from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            OSError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise self._make_damage_error() from error
        return b"".join(pieces)

    def xml(self, name: str) -> etree._Element:
        return parse_xml(self.read(name), self.budget.name)

    def _spend(self, size: int) -> None:
        self.budget.step()
        self.inflated += size
        if self.inflated > max(1_000_000, self.packed) * self.budget.limits.ratio or (
            self.inflated > self.budget.limits.bytes_in * 4
        ):
            raise Exhausted(
                f"{self.budget.name} unpacks to far more than it says ({self.inflated / 1e6:,.0f} MB and "
                "counting) and was stopped; it may be made to fill a computer."
            )

    def _make_damage_error(self) -> ImportRefused:
        return ImportRefused(
            f"{self.budget.name} is damaged or cut short; download or save it again."
        )


def parse_xml(data: bytes, name: str) -> etree._Element:
    """Parse XML; refuse a DTD of its own, because entities can expand without limit or read other
    files."""
    if re.search(
        rb"<!(ENTITY|DOCTYPE[^>]*\[)", data.replace(b"\x00", b"")[:100_000], re.IGNORECASE
    ):
        raise ImportRefused(
            f"{name} declares XML entities, which OneSeek does not open; save it as PDF or DOCX."
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ImportRefused(f"{name} is damaged ({str(error)[:100]}); save it again.") from error
