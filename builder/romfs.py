"""A read-only file system in one block, which MicroPython reads in place, without copying or
unpacking.

Records hold records, as extmod/vfs_rom.c of MicroPython describes them: kind, length, content.
"""

HEADER = b"\xd2\xcd\x31"
CONTENT, FOLDER, FILE = 2, 4, 5
Tree = dict[str, "Tree | bytes"]


def image(files: dict[str, bytes]) -> bytes:
    """The file system with these files, by path."""
    tree: Tree = {}
    for path, data in files.items():
        *folders, name = path.split("/")
        at = tree
        for folder in folders:
            inner = at.setdefault(folder, {})
            assert isinstance(inner, dict), f"{folder} is a file and a folder"
            at = inner
        at[name] = data
    inside = entries(tree)
    length = number(len(inside))
    even = b"\x80" * ((len(HEADER) + len(length) + len(inside)) % 2)
    return HEADER + even + length + inside


def entries(tree: Tree) -> bytes:
    return b"".join(entry(name.encode(), of) for name, of in tree.items())


def entry(name: bytes, of: Tree | bytes) -> bytes:
    named = number(len(name)) + name
    if isinstance(of, dict):
        return record(FOLDER, named + entries(of))
    return record(FILE, named + record(CONTENT, of))


def record(kind: int, content: bytes) -> bytes:
    return number(kind) + number(len(content)) + content


def number(value: int) -> bytes:
    """The value in seven bits a byte, the highest first; all bytes but the last have the eighth bit
    set."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.insert(0, 0x80 | value & 0x7F)
    return bytes(found)
