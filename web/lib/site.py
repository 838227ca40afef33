"""Facts from the build and the address: where the site's files are, and the options of this visit.

No other file reads the address. `?engine=gpu|cpu` forces the back end, `?model=ID` chooses a model
at once, `?tab=activity` opens a tab, `?debug=1` lets the panels show what only a developer wants,
and with `?faults=1` a test can break the engine.
"""

import json

from pyscript import window

OPTIONS = {
    "engine": ("auto", "gpu", "cpu"),
    "model": None,
    "tab": None,
    "debug": ("0", "1"),
    "faults": ("0", "1"),
}

_facts = json.loads(window.document.querySelector("#site").textContent)


def path(name):
    """The address of a file of the site by the name it has in the tree, such as vendor/uplot.js."""
    return address(_facts["files"][name])


def address(file):
    return window.URL.new(file, window.document.baseURI).href


def models():
    """The models that this site carries: id -> the address of the file."""
    return {name: address(file) for name, file in _facts["models"].items()}


def option(name):
    """An option of this visit; a wrong value in the address counts as none."""
    allowed = OPTIONS[name]
    value = window.URLSearchParams.new(window.location.search).get(name)
    if allowed is None:
        return value
    return value if value in allowed else allowed[0]
