"""The structure of the tree: which room may import which, no cycles, nothing too large, and tours
whose stops exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from builder import ROOT, site, wheels

ROOMS = {
    "engine/turns.py": [],
    "engine/core": [],
    "engine/compiler": ["engine/turns.py"],
    "engine/backends": ["engine/compiler"],
    "engine/front": ["engine/backends"],
    "engine/model": ["engine/backends", "engine/core"],
    "engine/history": ["engine/core", "engine/turns.py"],
    "engine/learning": ["engine/model", "engine/history"],
    "engine/with_torch": ["engine/learning"],
    "engine/with_flower": ["engine/open.py"],
    "engine/learner.py": ["engine/learning"],
    "engine/assistant.py": ["engine/learner.py"],
    "engine/open.py": ["engine/assistant.py"],
    "engine/cli/main.py": ["engine/cli", "workers"],
    "engine/cli": ["engine/open.py", "importers", "engine/with_torch", "engine/with_flower"],
    "importers": ["engine/learning"],
    "shaders": [],
    "web": ["engine/core"],
    "workers": ["engine/open.py", "importers", "engine/cli", "engine/front"],
}
WITH_WGPU = {"engine/backends/gpu", "tests/backends", "tests/support"}
# Besides its room: the making of the demo model, and the peers of the benchmarks.
WITH_TORCH = {
    "engine/with_torch", "engine/model/demo", "tests/oracle", "tests/bench/parts", "tests/golden",
}  # fmt: skip
WITH_FLOWER = {"engine/with_flower"}
LEAST_LINES, MOST_LINES, MOST_MODULES, LONGEST_FUNCTION = 40, 400, 16, 60
LONGER = {
    "engine/core/collecting/secrets/weights.py": "a table that a program fits and writes",
    "engine/backends/gpu/webgpu.py": "one API of somebody else, mirrored name by name",
    "engine/assistant.py": "all who may answer share one model and its turns",
    "engine/core/queue/training_queue.py": "one state machine; its invariants are read together",
    "engine/learning/memory/memory.py": "facts and statements are one store, found and forgotten alike",
    "engine/model/generate.py": "reading, deciding and decoding work on the same lanes, token by token",
}
SHORTER = {
    "engine/core/faults.py": "where tests let every room fail; below them all",
    "engine/core/sentences.py": "a rule of text, shown without a browser",
    "engine/front/random.py": "a name of the front, as numpy has it",
    "engine/history/pem.py": "a host without a browser and one with it share this form of a key alone",
    "engine/model/families/gemma3.py": "an architecture: what differs from a Llama",
    "engine/with_flower/app/group.py": "where Flower begins",
    "engine/with_flower/simulation.py": "needs Ray, which a real group does without",
    "importers/photo.py": "needs Pillow, which the engine does without",
    "importers/readers/rtf.py": "a reader of one format, loaded when one comes",
    "web/learning/learn_from.py": "a rule that chats, settings and collecting share",
    "web/lib/clock.py": "MicroPython's way to the time, for the whole page",
    "web/lib/smooth.py": "arithmetic, shown without a browser",
    "web/shell/boot.py": "where the page begins",
    "workers/fault_injection.py": "what only tests ask for, apart from what people do",
    "workers/commands.py": "where two commands begin",
    "workers/garbage.py": "shown without a browser, which the rest of a worker's start needs",
    "workers/made_ahead.py": "where the heap is made",
    "workers/removal.py": "reaches over skills, taste and runs, and belongs to none of them",
}
TOUR = re.compile(r"^    ((?:web|workers|engine|shaders|importers)/[\w/.]+):([\w.]+)", re.M)


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of all shipped Python."""
    found = {}
    for folder in wheels.ROOMS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = wheels.place(path.with_suffix("")).replace("/", ".")
            found[name.removesuffix(".__init__")] = path
    return found


def python() -> list[Path]:
    files = [*modules().values(), *(ROOT / "builder").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return [path for path in files if "making" not in path.parts]


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def import_lines(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """All imports of a file, at any depth; cached, because many tests ask."""
    return [node for node in ast.walk(parse(path)) if isinstance(node, ast.Import | ast.ImportFrom)]


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of ours that a module imports."""
    found = set()
    for node in import_lines(modules()[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in modules() else node.module)
    return frozenset(found & modules().keys() - {name})


def room(name: str) -> str:
    path = name.removeprefix("oneseek.").replace(".", "/")
    inside = [r for r in ROOMS if path == r.removesuffix(".py") or path.startswith(r + "/")]
    return inside[0] if inside else ""


def below(name: str) -> set[str]:
    """The rooms that a room may import, directly or through others."""
    found = {name}
    for under in ROOMS[name]:
        found |= below(under)
    return found


def test_every_module_has_a_room():
    packages = {f"oneseek.{room}" for room in wheels.ROOMS}
    assert not [name for name in modules() if not room(name) and name not in packages]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_what_lies_below_it(name):
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        if room(module) == name
        for other in imports(module)
        if room(other) and room(other) not in below(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_a_way_around():
    def is_reachable(start: str, at: str, seen: set[str]) -> bool:
        for other in imports(at):
            if other == start:
                return True
            if other not in seen:
                seen.add(other)
                if is_reachable(start, other, seen):
                    return True
        return False

    circles = [name for name in modules() if is_reachable(name, name, set())]
    assert not circles


def test_types_are_imported_like_everything_else():
    assert not [path for path in modules().values() if "TYPE_CHECKING" in path.read_text()]


def list_imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""]


def find_import_folders(*packages: str) -> set[str]:
    """The folders that import any of these packages."""
    return {
        path.parent.relative_to(ROOT).as_posix()
        for path in python()
        if any(name in path.read_text() for name in packages)
        for node in import_lines(path)
        if any(name.split(".")[0] in packages for name in list_imported(node))
    }


def test_one_room_talks_to_wgpu():
    asked = find_import_folders("wgpu")
    assert asked <= WITH_WGPU, asked - WITH_WGPU


@pytest.mark.parametrize(
    "room, packages, where",
    [
        ("with_torch", ("torch", "transformers", "peft", "accelerate"), WITH_TORCH),
        ("with_flower", ("flwr", "ray"), WITH_FLOWER),
    ],
)
def test_nothing_but_its_own_room_needs_an_extra(room, packages, where):
    asked = find_import_folders(*packages)
    assert asked <= where, asked - where
    others = {name for name in modules() if not name.startswith(f"oneseek.engine.{room}")}
    at_the_top = {
        name
        for name in others
        for node in parse(modules()[name]).body
        if isinstance(node, ast.Import | ast.ImportFrom) and room in ast.unparse(node)
    }
    assert not at_the_top, "only a command that was asked for it may import that room"


def test_the_three_hosts_begin_in_one_place():
    """Page, server and command line must not assemble an assistant themselves, but use one shared
    function."""
    parts = {"Versions", "Ledger", "Assistant"}
    made = {
        f"{path.relative_to(ROOT).as_posix()} makes {node.func.id}"
        for name, path in modules().items()
        if room(name) in ("workers", "engine/cli")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in parts
    }
    assert not made
    hosts = (
        "oneseek.workers.tab.resident",
        "oneseek.workers.server.headless",
        "oneseek.engine.cli.session",
    )
    assert all("oneseek.engine.open" in imports(host) for host in hosts)


def test_nothing_is_larger_than_can_be_read_at_once():
    large = []
    for path in modules().values():
        name = path.relative_to(ROOT).as_posix()
        if path.read_text().count("\n") > MOST_LINES:
            large.append(name)
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                    large.append(f"{name}:{node.name}")
    assert set(large) == LONGER.keys(), set(large) ^ LONGER.keys()


def test_nothing_is_too_small_to_hold_an_idea():
    small = {
        path.relative_to(ROOT).as_posix()
        for path in modules().values()
        if path.name != "__init__.py" and path.read_text().count("\n") < LEAST_LINES
    }
    assert small == SHORTER.keys(), small ^ SHORTER.keys()


def test_no_folder_holds_more_than_one_can_oversee():
    folders: dict[str, int] = {}
    for path in modules().values():
        if path.name != "__init__.py":
            folder = path.parent.relative_to(ROOT).as_posix()
            folders[folder] = folders.get(folder, 0) + 1
    assert not {folder: n for folder, n in folders.items() if n > MOST_MODULES}


SHARED = ("tests.support", "tests.oracle", "tests.golden", "tests.bench")  # golden files, the lab


def test_tests_import_from_support_and_never_from_each_other():
    wrong = []
    for path in (ROOT / "tests").rglob("*.py"):
        own = ".".join(path.relative_to(ROOT).parent.parts)
        for node in import_lines(path):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                module = node.module
                beside = module.startswith(own) or own.startswith("tests.bench")
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
                if any(name.split(".")[-1].startswith("test_") for name in names):
                    wrong.append(f"{path.relative_to(ROOT)} imports {module}")
                elif not (module.startswith(SHARED) or beside or module == "tests.documents"):
                    wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong, "\n".join(wrong)


def stops() -> list[tuple[str, str, str]]:
    tours = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [
        (page.name, path, name) for page in tours for path, name in TOUR.findall(page.read_text())
    ]


@pytest.mark.parametrize("page, path, name", stops())
def test_every_stop_of_a_tour_is_there(page, path, name):
    text = (ROOT / path).read_text()
    if path.endswith(".wgsl"):
        assert re.search(rf"\bfn {name}\b", text), f"{page}: {path} has no {name}"
        return
    tree = ast.parse(text)
    for part in name.split("."):
        inside = {
            node.name: node
            for node in ast.iter_child_nodes(tree)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert part in inside, f"{page}: {path} has no {name}"
        tree = inside[part]


def test_the_readme_and_the_documents_have_their_tours():
    told = {page for page, _, _ in stops()}
    assert {"README.md", "file-to-lesson.md", "request-to-answer.md"} <= told


@pytest.mark.parametrize("page", ["README.md", "file-to-lesson.md", "request-to-answer.md"])
def test_a_tour_goes_back_to_hardly_any_module_it_left(page):
    """A message, a file and a request can be followed by reading one module after another."""
    paths = [path for of, path, _ in stops() if of == page]
    back = [path for i, path in enumerate(paths) if path in paths[:i] and path != paths[i - 1]]
    assert len(back) <= 3, back


def test_what_the_page_imports_is_what_the_page_is_sent():
    sent = {path.relative_to(ROOT).as_posix() for path in site.page_python()}
    missing = [
        f"{name} imports {other}"
        for name in modules()
        if modules()[name].relative_to(ROOT).as_posix() in sent
        for other in imports(name)
        if modules()[other].relative_to(ROOT).as_posix() not in sent
    ]
    assert not missing


# Attributes of the browser's own objects.
OF_THE_BROWSER = set(
    "accept checked className color content disabled download fillStyle font height hidden hooks "
    "href id innerHTML installable lang language left multiple open placeholder processLocally "
    "readOnly rel responseType scheduler scrollTop selected signal src strokeStyle tabIndex target "
    "textAlign textContent title top type value voice webkitdirectory width".split()
)
# Attributes of packages: of functions, argparse, http, langdetect, lxml and torch.
OF_PACKAGES = set("__doc__ __name__ epilog fields formatter_class grad seed sock tail".split())
ROOMS_OF_OBJECTS = ("engine", "web", "workers", "importers")
# Where attributes of other objects are set, each with its reason.
SETTERS = {
    "engine/backends": "arrays, and code under construction",
    "engine/compiler": "programs under construction",
    "engine/learning/memory": "the memory is written anew with its reader",
    "engine/model": "vocabularies, lanes and answers are filled where they are made",
    "web/shell/regions.py": "puts the parts of the page together",
}
FRAMEWORKS = {"app.state.service"}  # Starlette's place for an application's objects


def places_set(node: ast.AST) -> list[ast.Attribute]:
    """The attributes that a statement assigns to."""
    if isinstance(node, ast.Assign):
        places: list[ast.expr] = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        places = [node.target]
    else:
        return []
    each = [one for place in places for one in getattr(place, "elts", [place])]
    return [one for one in each if isinstance(one, ast.Attribute)]


def own_attributes(tree: ast.Module) -> set[str]:
    """The attributes that the classes of a module declare, or set on self."""
    found = set()
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        found |= {ast.unparse(one.target) for one in kind.body if isinstance(one, ast.AnnAssign)}
        for one in (place for node in ast.walk(kind) for place in places_set(node)):
            if isinstance(one.value, ast.Name) and one.value.id == "self":
                found.add(one.attr)
    return found


def find_foreign_assignments(path: Path) -> list[str]:
    """Assignments to attributes of other modules' objects: `answer.text = ""` if no class of this
    module has a `text`, and `self.page.chat.busy = True` anywhere."""
    tree = parse(path)
    own, found = own_attributes(tree), []
    for one in (place for node in ast.walk(tree) for place in places_set(node)):
        inside = isinstance(one.value, ast.Name) and (
            one.value.id in ("self", "cls") or one.attr in own
        )
        allowed = OF_THE_BROWSER | OF_PACKAGES | {"page", "ready"}
        if not inside and one.attr not in allowed and not one.attr.startswith("on"):
            found.append(f"{path.relative_to(ROOT)}:{one.lineno} {ast.unparse(one)}")
    return found


def test_nobody_sets_what_another_object_holds():
    files = [path for room in ROOMS_OF_OBJECTS for path in sorted((ROOT / room).rglob("*.py"))]
    excused = [ROOT / place for place in SETTERS]
    assert all(place.exists() for place in excused)
    files = [path for path in files if not any(path.is_relative_to(one) for one in excused)]
    assert len(files) > 300
    found = [one for path in files for one in find_foreign_assignments(path)]
    assert [one for one in found if one.split()[-1] not in FRAMEWORKS] == []
