"""Files that enter and leave the page: picked by the person, kept in OPFS, saved for the person."""

import asyncio
import json

import js
from pyscript import document
from pyscript.ffi import to_js

from oneseek.web.lib import dom

FOLDERS = ("models", "inbox", "out", "importer", "pictures")


def safe_name(text):
    """A file name from any text: no path, no character that a file system refuses, never empty."""
    kept = "".join(
        c if c.isalpha() or c.isdigit() or c in " -_" or c > "\x7f" else " " for c in text
    )
    return " ".join(kept.split())[:80] or "chat"


def save(name, content, kind="application/octet-stream"):
    """Hand the person a file; `content` is text, or a JavaScript array of bytes."""
    blob = js.Blob.new(to_js([content]), to_js({"type": kind}))
    address = js.URL.createObjectURL(blob)
    link = document.createElement("a")
    link.href = address
    link.download = name
    link.click()
    js.setTimeout(lambda: js.URL.revokeObjectURL(address), 60000)


async def pick(accept="", many=True, folder=False):
    """The files the person chooses, as JavaScript File objects; none when they cancel."""
    picker = dom.by_id("file-picker")
    picker.accept, picker.multiple, picker.value = accept, many, ""
    picker.webkitdirectory = folder
    chosen = asyncio.Event()
    for kind in ("change", "cancel"):
        dom.listen(kind, picker, lambda event: chosen.set(), once=True)
    picker.click()
    await chosen.wait()
    found = picker.files
    return [found.item(index) for index in range(found.length)]


def read_change_time(file):
    """The time of a file's last change in milliseconds, read as text (see web/lib/clock.py)."""
    told = js.JSON.stringify(file, to_js(["lastModified"]))
    return float(json.loads(told)["lastModified"])


async def put_in_inbox(file, name=None):
    """Copy a File to where the workers can read it, and return its name there."""
    name = name or file.name
    await write("inbox", name, file)
    return name


async def put_folder_in_inbox(name, found):
    """Copy several files to a folder of this name in the inbox."""
    for file in found:
        await write("inbox/" + name, file.name, file)


async def write(folder, name, content):
    inside = await js.navigator.storage.getDirectory()
    for step in folder.split("/"):
        inside = await inside.getDirectoryHandle(step, to_js({"create": True}))
    handle = await inside.getFileHandle(name, to_js({"create": True}))
    writable = await handle.createWritable()
    await writable.write(content)
    await writable.close()


async def clear():
    """Remove every file that page and workers keep."""
    root = await js.navigator.storage.getDirectory()
    for folder in FOLDERS:
        await root.getDirectoryHandle(folder, to_js({"create": True}))
        await root.removeEntry(folder, to_js({"recursive": True}))


async def read_text(folder, name):
    """The text of a file that a worker keeps in OPFS."""
    root = await js.navigator.storage.getDirectory()
    handle = await (await root.getDirectoryHandle(folder)).getFileHandle(name)
    return await (await handle.getFile()).text()


async def save_from_outbox(name, kind="application/zip", called=None):
    """Hand the person a file that a worker wrote, under the name `called` if there is one."""
    save(called or name, await from_outbox(name), kind)


async def from_outbox(name):
    root = await js.navigator.storage.getDirectory()
    outbox = await root.getDirectoryHandle("out")
    return await (await outbox.getFileHandle(name)).getFile()


async def find_file(folder, name):
    """A file that page and workers keep, or None."""
    try:
        inside = await (await js.navigator.storage.getDirectory()).getDirectoryHandle(folder)
        return await (await inside.getFileHandle(name)).getFile()
    except Exception:  # JavaScript's exceptions have no class here
        return None


async def size_of(folder, name):
    """The size of a file in bytes; 0 when it does not exist."""
    file = await find_file(folder, name)
    return file.size if file else 0


async def remove(folder, name):
    """Remove a file; nothing happens when it is missing or empty."""
    if await size_of(folder, name):
        root = await js.navigator.storage.getDirectory()
        await (await root.getDirectoryHandle(folder)).removeEntry(name)
