"""The shape of the source tree: which way imports run, what may stand where, what must not be in a file."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "tracker_profiles": ROOT / "profiles" / "tracker_profiles",
    "tracker_codecs": ROOT / "codecs" / "tracker_codecs",
    "tracker_gateway": ROOT / "gateway" / "tracker_gateway",
}
#: Package -> packages of ours that it may import.
ALLOWED = {
    "tracker_profiles": {"tracker_profiles"},
    "tracker_codecs": {"tracker_codecs", "tracker_profiles"},
    "tracker_gateway": {"tracker_gateway", "tracker_codecs", "tracker_profiles"},
}
STORE = PACKAGES["tracker_gateway"] / "store"
#: What lies at the gateway's root: the daemon, which wires the rooms together.
ROOT_MODULES = {"__init__", "daemon"}
#: The rooms of the gateway from the bottom up: each imports those before it only. docs/architecture.md draws it.
ROOMS = (
    *("process", "store", "config", "sessions", "fleet", "delivery", "transports", "emulation"),
    *("service", "recording", "http", "daemon", "replay", "demo", "bench", "cli"),
)
#: Sans-I/O: a codec and a profile open no connection and ask no clock that is not handed to them.
IO = {"socket", "asyncio", "selectors", "ssl", "sqlite3", "subprocess", "threading", "aiohttp", "aiomqtt", "serialx"}
SQL = re.compile(
    r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA \w+|BEGIN IMMEDIATE)\b", re.S
)
#: Places of one machine. Put together here, so that this file does not hold them itself.
MACHINE = re.compile("|".join(f"(?<![\\w.:/~-])/{place}/" for place in ("work", "tmp", "root", "home/[a-z]", "Users")))


def modules(package: str) -> list[Path]:
    found = sorted(PACKAGES[package].rglob("*.py"))
    assert len(found) > 3
    return found


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: a relative import"
            assert node.module is not None
            yield node.lineno, node.module


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a module that is no docstring; of an f-string its fixed parts, joined."""
    tree = ast.parse(file.read_text("utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "x" for each in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in modules(package)
        for line, name in imports(file)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in ALLOWED[package]
    ]
    assert wrong == []


def graph(package: str) -> dict[str, set[str]]:
    """Module -> modules of the same package that it imports, inside functions and for type checkers, too."""
    top = PACKAGES[package].parent
    names = {
        ".".join(file.relative_to(top).with_suffix("").parts).removesuffix(".__init__"): file
        for file in modules(package)
    }
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, file in names.items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            wanted = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                inner = [f"{node.module}.{each.name}" for each in node.names]
                wanted = [each if each in names else node.module for each in inner]
            found[name] |= {each for each in wanted if each in names and each != name}
    return found


def circles(arrows: dict[str, set[str]]) -> set[str]:
    """What is left when everything that imports nothing that is left has been taken away, again and again."""
    left = {name: set(seen) for name, seen in arrows.items()}
    while free := [name for name, seen in left.items() if not seen & left.keys()]:
        for name in free:
            del left[name]
    # What only leads to a circle is none of it.
    while outer := [name for name in left if not any(name in seen for seen in left.values())]:
        for name in outer:
            del left[name]
    return set(left)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_make_no_circle(package: str) -> None:
    assert circles(graph(package)) == set()


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}


def upward(arrows: dict[str, set[str]]) -> list[str]:
    """Imports from one room into another that does not lie below it."""
    level = {room: at for at, room in enumerate(ROOMS)}
    wrong = []
    for name, seen in arrows.items():
        for other in sorted(seen):
            rooms = [each.split(".")[1] for each in (name, other) if "." in each]
            if len(rooms) == 2 and level[rooms[0]] < level[rooms[1]]:
                wrong.append(f"{name} imports {other}")
    return wrong


def test_the_gateway_has_rooms_and_they_import_downwards() -> None:
    top = PACKAGES["tracker_gateway"]
    assert {file.stem for file in top.glob("*.py")} == ROOT_MODULES
    assert {file.parent.name for file in top.glob("*/__init__.py")} | {"daemon"} == set(ROOMS)
    assert upward(graph("tracker_gateway")) == []


def test_an_import_upward_is_seen() -> None:
    arrows = graph("tracker_gateway")
    arrows["tracker_gateway.recording.recorder"].add("tracker_gateway.daemon")
    assert upward(arrows) == ["tracker_gateway.recording.recorder imports tracker_gateway.daemon"]


@pytest.mark.parametrize("package", ["tracker_profiles", "tracker_codecs"])
def test_codecs_and_profiles_do_no_io(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in modules(package)
        for line, name in imports(file)
        if name.split(".")[0] in IO
    ]
    assert wrong == []


def test_sql_stays_in_the_store() -> None:
    wrong = []
    for package in PACKAGES:
        for file in modules(package):
            if STORE not in file.parents:
                wrong += [f"{file.relative_to(ROOT)}:{line}" for line, name in imports(file) if name == "sqlite3"]
                wrong += [f"{file.relative_to(ROOT)}:{line}" for line, text in texts(file) if SQL.search(text)]
    assert wrong == []
    assert [text for _, text in texts(STORE / "sqlite.py") if SQL.search(text)]  # it can be seen


def test_only_the_store_itself_knows_that_it_is_sqlite() -> None:
    inner = ("sqlite", "_connect", "_deliveries", "_rows", "_threads")
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in modules("tracker_gateway")
        if STORE not in file.parents
        for line, name in imports(file)
        if name.startswith(tuple(f"tracker_gateway.store.{each}" for each in inner))
    ]
    assert wrong == []


def test_each_source_root_holds_one_typed_package() -> None:
    for name, package in PACKAGES.items():
        assert [each.parent.name for each in package.parent.glob("*/__init__.py")] == [name]
        assert not (package.parent / "__init__.py").exists()
        assert not [*package.parent.glob("conftest.py"), *package.parent.glob("test_*.py")]
        assert (package / "py.typed").is_file()
    assert not (ROOT / "tests" / "codecs").exists()  # pytest would register it over the standard library's module


def test_test_modules_have_names_of_their_own() -> None:
    names = [file.name for file in (ROOT / "tests").rglob("*.py") if file.name not in ("__init__.py", "conftest.py")]
    assert sorted(names) == sorted(set(names))


def kept_files() -> list[Path]:
    """What belongs to the project: what git knows or would take; without git, what is not hidden."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [file for name in listed.stdout.splitlines() if (file := ROOT / name).is_file()]
    return [file for top in ROOT.glob("[!.]*") for file in (top, *top.rglob("[!.]*")) if file.is_file()]


def test_no_file_names_a_place_of_one_machine() -> None:
    files = [file for file in kept_files() if file.suffix not in (".db", ".bin", ".png", ".pyc")]
    assert len(files) > 100
    wrong = []
    for file in files:
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
            if MACHINE.search(line):
                wrong.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert wrong == []
    assert MACHINE.search("see " + "/wor" + "k/x")
    assert not MACHINE.search("https://example.org/work/home/")
