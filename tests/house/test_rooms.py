"""The floor plan of the package, as a fact: who imports whom, which library has which door, and how long things are."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "agentflow"

FLOORS = (
    ("cli", "server"),
    ("report", "evals", "telemetry"),
    ("simulation",),
    ("api",),
    ("engine",),
    ("journal",),
    ("models", "tools", "hooks"),
    ("session", "run"),
    ("guard",),
    ("events",),
    ("plan",),
    ("spec",),
    ("source",),
    ("errors",),
)
"""From the roof down. A room may import itself and whatever is on a lower floor."""

DOORS = {
    "PIL": ("tools/media_worker.py",),
    "anthropic": ("models/anthropic.py", "models/clients.py"),  # the clients of the clouds stand in folders of its own
    "apsw": ("journal/",),
    "click": ("cli/",),
    "h11": ("tools/sandbox/http_side.py", "tools/web_exchange.py"),
    "httpx2": (
        "models/anthropic.py",
        "models/clients.py",
    ),  # what the client is built on, and whose errors it lets through
    "idna": ("plan/hosts.py",),
    "keyring": ("engine/keyring_values.py",),
    "jinja2": ("plan/templates.py",),
    "jsonschema": ("spec/contracts.py",),
    "networkx": ("plan/graph.py",),
    # One says what a rule may be, the others what it covers: as text, and at the time of use.
    "pathspec": ("plan/rules.py", "guard/path_rules.py", "tools/paths.py"),
    "pydantic": ("spec/", "models/scripted.py"),  # a script of replies is a file with a shape of its own
    # Authors' schemas are searched in `spec`, the models' searches in `guard`, and `spec` may not import upwards. The
    # two want different things of it: text that is found or not, and places in bytes.
    "pypdf": ("tools/media_worker.py",),
    "re2": ("spec/patterns.py", "guard/patterns.py"),
    "referencing": ("spec/contracts.py",),
    "rich": ("report/console.py",),
    "rpds": (
        "guard/circles.py",
        "run/apply.py",
        "run/blocks.py",
        "run/state.py",
        "session/apply.py",
        "session/state.py",
    ),
    "tree_sitter": ("guard/bash.py",),
    "tree_sitter_bash": ("guard/bash.py",),
    "yaml": ("source/yaml_reader.py",),
}
"""Each library and the files, or folders, that may import it."""

DISTRIBUTIONS = {
    "PIL": "pillow",
    "re2": "google-re2",
    "rpds": "rpds-py",
    "tree_sitter": "tree-sitter",
    "tree_sitter_bash": "tree-sitter-bash",
    "yaml": "pyyaml",
}
"""What is installed, where it is called otherwise than what is imported."""

OPTIONAL = frozenset({"keyring"})
"""Libraries that an extra of their own name brings; their door opens late, and does without them."""

EVERYWHERE = re.compile(r"msgspec(\.structs(\.\w+)?|\.Struct|\.field|\.NODEFAULT)?")
"""What any room may import: the base of frozen values. The encoders that come with it are no part of that."""

TYPES_ONLY = {("networkx", "plan/model.py")}
"""Imports under TYPE_CHECKING that name a type in a signature and bring in nothing when the package runs."""

MAX_LINES = 400
MAX_FUNCTION_LINES = 50
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Import:
    """One import, wherever in a file it stands.

    Attributes:
        file: relative to the package.
        module: absolute; for `from a import b` both `a` and `a.b` are given, since `b` may be a module.
        types_only: it stands under `if TYPE_CHECKING`.
    """

    file: str
    line: int
    module: str
    types_only: bool

    def __str__(self) -> str:
        return f"agentflow/{self.file}:{self.line} imports {self.module}"


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(source: str, file: str) -> Iterator[Import]:
    """Every import of a file: in functions and under TYPE_CHECKING too."""
    tree = ast.parse(source)
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        for module in _modules(node, file):
            yield Import(file, getattr(node, "lineno", 0), module, id(node) in typing)


def _modules(node: ast.AST, file: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            above = ("agentflow", *Path(file).parts[: -node.level])
            module = ".".join([*above, *([node.module] if node.module else [])])
        else:
            module = node.module or ""
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def room_of(file: str) -> str:
    return Path(file).parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def wrong_ways(found: Import) -> bool:
    """Whether an import goes up, or next door."""
    parts = found.module.split(".")
    if parts[0] != "agentflow" or len(parts) < 2:
        return False
    here, there = room_of(found.file), parts[1]
    if here in ("__init__", "__main__") or here == there or not _is_room(there):
        return False
    return floor_of(there) <= floor_of(here)


def _is_room(name: str) -> bool:
    return any(name in rooms for rooms in FLOORS)


def all_imports() -> list[Import]:
    return [found for path in files() for found in imports_of(path.read_text(), path.relative_to(PACKAGE).as_posix())]


def test_every_part_of_the_package_has_its_place_on_the_floor_plan():
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files()}
    known = {room for rooms in FLOORS for room in rooms}
    assert parts - known - {"__init__", "__main__"} == set()


def test_rooms_import_only_what_lies_below_them():
    assert [str(found) for found in all_imports() if wrong_ways(found)] == []


def test_a_library_is_imported_only_at_its_door():
    trespasses = []
    for found in all_imports():
        library = found.module.split(".")[0]
        if library in sys.stdlib_module_names or library in ("agentflow", ""):
            continue
        if EVERYWHERE.fullmatch(found.module):
            continue
        if found.types_only and (library, found.file) in TYPES_ONLY:
            continue
        if not any(found.file.startswith(door) for door in DOORS.get(library, ())):
            trespasses.append(str(found))
    assert trespasses == []


def test_every_library_is_asked_for_by_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w-]", wanted)[0] for wanted in project["dependencies"]}
    extras = project["optional-dependencies"]
    declared |= {name for name in OPTIONAL if any(wanted.startswith(name) for wanted in extras[name])}
    assert {DISTRIBUTIONS.get(library, library) for library in (*DOORS, "msgspec")} == declared


def test_no_door_stands_open_that_nobody_uses():
    used = {(found.module.split(".")[0], found.file) for found in all_imports()}
    unused = [
        (library, door)
        for library, doors in DOORS.items()
        for door in doors
        if not any(name == library and file.startswith(door) for name, file in used)
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("plan/compile.py", "from agentflow.engine import local"),
        ("run/decide.py", "def f():\n    import agentflow.session.state"),
        ("source/text.py", "if TYPE_CHECKING:\n    from agentflow import api"),
        ("tools/files.py", "from ..journal import port"),
        ("journal/rows.py", "importlib.import_module('agentflow.cli.main')"),
    ],
)
def test_a_step_up_or_next_door_is_seen_wherever_it_hides(file: str, source: str):
    assert any(wrong_ways(found) for found in imports_of(source, file))


def test_validate_brings_in_no_model_client_database_or_price_library():
    script = (
        "import sys\n"
        "sys.argv = ['agentflow', 'validate', 'workflows/research.yaml']\n"
        "from agentflow.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n'.join(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "agentflow.plan.compile" in loaded
    heavy = {"anthropic", "httpx2", "apsw", "sqlite3", "genai_prices", "mcp", "rich"}
    assert {name for name in loaded if name.split(".")[0] in heavy} == set()
    rooms = ("engine", "journal", "models", "tools", "session", "run")
    assert {name for name in loaded if name.startswith(tuple(f"agentflow.{room}" for room in rooms))} == set()


def test_every_package_says_what_it_is():
    silent = [str(path) for path in PACKAGE.rglob("__init__.py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_long_files_and_functions_have_a_reason():
    long_files = {}
    long_functions = {}
    for path in files():
        text, file = path.read_text(), path.relative_to(PACKAGE).as_posix()
        if text.count("\n") > MAX_LINES and not text.startswith('"""Generated'):
            long_files[file] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    long_functions[f"{file}:{node.name}"] = length
    assert {file: lines for file, lines in long_files.items() if file not in LONG_FILES} == {}
    assert {name: lines for name, lines in long_functions.items() if name not in LONG_FUNCTIONS} == {}
    assert set(LONG_FILES) <= set(long_files), "take what is short again off the list"
    assert set(LONG_FUNCTIONS) <= set(long_functions), "take what is short again off the list"
