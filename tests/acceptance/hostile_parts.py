"""Workflows that hurt by the files they are made of: what they import, what their steps run, agents from elsewhere."""

import os
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

HEAD = "agentflow: 1\nname: hostile\n"
LIBRARY = "agentflow: 1\n"
ONE_STEP = "steps: {a: {value: '1'}}\n"
_NO_PIN = "sha256:" + "0" * 64

Codes = tuple[str, ...]
Files = Mapping[str, str | bytes]
"""Texts by name; `main.yaml` is the one that is checked."""


def _several(count: int, item: str) -> str:
    return ", ".join(item.replace("#", str(i)) for i in range(count))


def _imports(count: int, name: str, **files: str) -> Files:
    main = f"{HEAD}imports: [{_several(count, name)}]\nsteps: {{a: {{agent: x0, prompt: hi}}}}\n"
    return {"main.yaml": main, **{f"{file}.yaml": text for file, text in files.items()}}


def _library(name: str) -> str:
    return f"{LIBRARY}agents: {{{name}: {{description: d, instructions: i}}}}\n"


def _runs(count: int, name: str, more: str = "") -> str:
    return f"{HEAD}{more}steps: {{{_several(count, f's#: {{workflow: {name}}}')}}}\n"


def _doubling(depth: int, width: int) -> Files:
    """Each file runs the next several times; with the inmost it is `depth` files deep."""
    names = ["main.yaml", *(f"w{level}.yaml" for level in range(1, depth))]
    files = {name: _runs(width, following) for name, following in pairwise(names)}
    return {**files, names[-1]: HEAD + ONE_STEP}


def _knot(count: int) -> Files:
    every = f"{HEAD}steps: {{{_several(count, 's#: {workflow: w#.yaml}')}}}\n"
    return {"main.yaml": every, **{f"w{i}.yaml": every for i in range(count)}}


def _foreign_ways(depth: int, width: int, *, wrong: bool = False) -> Files:
    """Each file runs the next once for each input, with another one of them written out: every subset is foreign."""
    inputs = f"inputs: {{{_several(width, 'i#: {type: string}')}}}\n"
    foreign = _several(width, "i#: '{{ steps.g.output }}'")
    main = (
        f"{HEAD}steps: {{g: {{agent: {{instructions: i}}, prompt: p}}, a: {{workflow: w0.yaml, with: {{{foreign}}}}}}}"
    )
    files = {"main.yaml": main}
    for level in range(depth):
        steps = []
        for step in range(width):
            given = ", ".join(f"i{i}: " + ("x" if i == step else f"'{{{{ inputs.i{i} }}}}'") for i in range(width))
            steps.append(f"s{step}: {{workflow: w{level + 1}.yaml, with: {{{given}}}}}")
        outputs = f"outputs: {{{_several(200, 'o#: inputs.none#')}}}\n" if wrong else ""
        files[f"w{level}.yaml"] = f"{HEAD}{inputs}steps: {{{', '.join(steps)}}}\n{outputs}"
    used = _several(width, "s#: {value: inputs.i#}")
    return {**files, f"w{depth}.yaml": f"{HEAD}{inputs}steps: {{{used}}}\n"}


def _many_inputs(count: int) -> Files:
    """A file that would take any of its inputs for an option, where two of them meet."""
    foreign = _several(count, "i#: '{{ steps.g.output }}'")
    steps = _several(count, "s#: {run: [ls, '{{ inputs.i# }}']}")
    off = "sandbox: 'off'\n"
    return {
        "main.yaml": f"{HEAD}{off}steps: {{g: {{agent: {{instructions: i}}, prompt: p}}, "
        f"a: {{workflow: w.yaml, with: {{{foreign}}}}}}}\n",
        "w.yaml": f"{HEAD}{off}inputs: {{{_several(count, 'i#: {type: string}')}}}\nsteps: {{{steps}}}\n",
    }


def _from(text: str | bytes, count: int = 1) -> Files:
    agents = _several(count, "s#: {agent: {from: x.md}, prompt: hi}")
    return {"main.yaml": f"{HEAD}steps: {{{agents}}}\n", "x.md": text}


def _numbered(count: int, text: str | bytes, ending: str = ".yaml") -> Files:
    return {f"l{i}{ending}": text.replace("#", str(i)) if isinstance(text, str) else text for i in range(count)}


_FRONT = "---\nname: x\ndescription: d\ntools: Read\n---\n"

PARTS: dict[str, tuple[Callable[[], Files], Codes]] = {
    "a file that imports itself": (
        lambda: {"main.yaml": f"{HEAD}imports: [main.yaml]\n{ONE_STEP}"},
        ("AF203",),
    ),
    "imports in a circle": (
        lambda: {
            "main.yaml": f"{HEAD}imports: [b.yaml]\nsteps: {{a: {{agent: x, prompt: hi}}}}\n",
            "b.yaml": _library("x") + "imports: [c.yaml]\n",
            "c.yaml": _library("y") + "imports: [b.yaml]\n",
        },
        ("AF201",),
    ),
    "1,000 imports": (
        lambda: {**_imports(1_000, "l#.yaml"), **_numbered(1_000, _library("x#"))},
        ("AF104", "AF404"),
    ),
    "3,000 imports": (
        lambda: {**_imports(3_000, "l#.yaml"), **_numbered(3_000, LIBRARY)},
        ("AF104", "AF106"),
    ),
    "1,000 imports that are not there": (lambda: _imports(1_000, "l#.yaml"), ("AF104", "AF106")),
    "1,000 imports that are no YAML": (
        lambda: {**_imports(1_000, "l#.yaml"), **_numbered(1_000, "[")},
        ("AF102", "AF104"),
    ),
    "1,000 imports with the same agent": (
        lambda: {**_imports(1_000, "l#.yaml"), **_numbered(1_000, _library("x0"))},
        ("AF104", "AF205"),
    ),
    "the same import 10,000 times": (lambda: _imports(10_000, "l.yaml", l=_library("x0")), ("AF104", "AF404")),
    "a file that runs itself": (lambda: {"main.yaml": _runs(1, "main.yaml")}, ("AF401",)),
    "a file that runs itself 1,000 times": (
        lambda: {"main.yaml": _runs(1_000, "main.yaml")},
        ("AF104", "AF401"),
    ),
    "files that run each other in a circle": (
        lambda: {"main.yaml": _runs(2, "w0.yaml"), "w0.yaml": _runs(2, "w1.yaml"), "w1.yaml": _runs(2, "main.yaml")},
        ("AF401",),
    ),
    "30 files that all run each other": (lambda: _knot(30), ("AF104", "AF401")),
    "1,000 files in a chain": (lambda: _doubling(1_000, 1), ("AF104",)),
    "files 16 deep in a chain": (lambda: _doubling(16, 1), ()),
    "files that run two, 12 deep": (lambda: _doubling(12, 2), ()),
    "files that run two, 16 deep": (lambda: _doubling(16, 2), ("AF104",)),
    "files that run a hundred, 8 deep": (lambda: _doubling(8, 100), ("AF104",)),
    "a file that is run 1,000 times": (lambda: _doubling(2, 1_000), ()),
    "1,000 files that are not there": (
        lambda: {"main.yaml": f"{HEAD}steps: {{{_several(1_000, 's#: {workflow: l#.yaml}')}}}\n"},
        ("AF104", "AF106"),
    ),
    "100 files with 200 problems each": (
        lambda: {
            "main.yaml": f"{HEAD}steps: {{{_several(100, 's#: {workflow: l#.yaml}')}}}\n",
            **_numbered(
                100, f"{HEAD}steps: {{{', '.join(f's{i}: {{value: steps.t{i}.output}}' for i in range(200))}}}\n"
            ),
        },
        ("AF104", "AF301"),
    ),
    "foreign text in all ways, 9 deep": (lambda: _foreign_ways(8, 10), ("AF104",)),
    "foreign text in all ways, in files with problems": (
        lambda: _foreign_ways(8, 10, wrong=True),
        ("AF104", "AF302"),
    ),
    "1,000 foreign inputs of a file": (lambda: _many_inputs(1_000), ("AF104", "AF502")),
    "a large file pinned 1,000 times": (
        lambda: {
            "main.yaml": _runs(1_000, f"{{path: w.yaml, pin: {_NO_PIN!r}}}"),
            "w.yaml": f"{HEAD}{ONE_STEP}# {'x' * 1_000_000}\n",
        },
        ("AF104", "AF107"),
    ),
    "a binary import": (lambda: _imports(1, "l.yaml") | {"l.yaml": bytes(range(256))}, ("AF106",)),
    "a binary file that is run": (lambda: {"main.yaml": _runs(1, "w"), "w": bytes(range(256))}, ("AF106",)),
    "an agent file of 2 MB": (lambda: _from(_FRONT + "a" * 2_000_000), ("AF106",)),
    "an agent file of bytes": (lambda: _from(bytes(range(256))), ("AF106",)),
    "an agent file with NUL": (lambda: _from(_FRONT + "a\0b"), ("AF106",)),
    "an empty agent file": (lambda: _from(""), ("AF202",)),
    "an agent file of dashes": (lambda: _from("---\n" * 100_000), ("AF102",)),
    "an agent file with brackets": (lambda: _from(f"---\nname: {'[' * 40_000}\n---\nhi"), ("AF104",)),
    "an agent file with 5,000 unknown keys": (
        lambda: _from("---\n" + "".join(f"k{i}: 1\n" for i in range(5_000)) + "---\nhi"),
        ("AF104", "AF201", "AF202"),
    ),
    "an agent file with 50,000 unknown tools": (
        lambda: _from(_FRONT.replace("Read", ",".join(f"Raed{i}" for i in range(50_000))) + "hi"),
        ("AF104", "AF309"),
    ),
    "the workflow as an agent file": (
        lambda: {"main.yaml": f"{HEAD}steps: {{a: {{agent: {{from: main.yaml}}, prompt: hi}}}}\n"},
        ("AF202",),
    ),
    "1,000 agents from one file": (lambda: _from(_FRONT + "words " * 10_000, 1_000), ()),
}


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a link out of the project": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}
"""What a name may stand for beside a file with text."""

NAMERS = {
    "imported": f"{HEAD}imports: [special]\n{ONE_STEP}",
    "run as a step": _runs(1, "special"),
    "taken as an agent file": f"{HEAD}steps: {{a: {{agent: {{from: special}}, prompt: hi}}}}\n",
}


def make_parts(folder: Path) -> dict[str, str]:
    """Lays out each of them in a project of its own. Returns the paths to check from `folder`, by name."""
    paths = {}
    for number, (name, (files, _)) in enumerate(PARTS.items()):
        project = folder / f"parts{number}"
        (project / ".git").mkdir(parents=True)
        for file, text in files().items():
            (project / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        paths[name] = f"parts{number}/main.yaml"
    for number, (what, make) in enumerate(SPECIAL.items()):
        project = folder / f"special{number}"
        (project / ".git").mkdir(parents=True)
        make(project / "special")
        for index, (how, text) in enumerate(NAMERS.items()):
            (project / f"main{index}.yaml").write_text(text)
            paths[f"{what}, {how}"] = f"special{number}/main{index}.yaml"
    return paths


PART_CODES: dict[str, Codes] = {
    **{name: codes for name, (_, codes) in PARTS.items()},
    **{f"{what}, {how}": ("AF106",) for what in SPECIAL for how in NAMERS},
}
