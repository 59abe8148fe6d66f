"""Workflow files that are made to hurt, each with the codes that it must give, and no other.

One table for the tests, which assert codes, and for `python -m benchmarks hostile`, which measures.
"""

import os
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.hostile_steps import HEAD, STEPS

ONE_STEP = "steps: {a: {value: '1'}}\n"


def value(expression: str) -> str:
    """A step whose value is an expression, folded so that no quotes are in its way."""
    return f"{HEAD}steps:\n  a:\n    value: >-\n      {expression}\n"


def prompt(template: str) -> str:
    """An agent's prompt, in double quotes."""
    return f'{HEAD}steps: {{a: {{agent: {{instructions: hi}}, prompt: "{template}"}}}}\n'


def steps(count: int, body: Callable[[int], str]) -> str:
    return f"{HEAD}steps:\n" + "".join(f"  s{i}: {{{body(i)}}}\n" for i in range(count))


def several(count: int, item: Callable[[int], str]) -> str:
    return ", ".join(item(i) for i in range(count))


def input_of(schema: str) -> str:
    return f"{HEAD}inputs: {{a: {{{schema}}}}}\nsteps: {{a: {{value: inputs.a}}}}\n"


def tool(rule: str) -> str:
    return f"{HEAD}steps: {{a: {{agent: {{instructions: hi, tools: ['{rule}']}}, prompt: hi}}}}\n"


def blocks(depth: int, inmost: str) -> str:
    text = HEAD + "steps:\n"
    for level in range(depth):
        indent = "    " * level
        text += f"  {indent}s{level}:\n    {indent}output: steps.s{level + 1}.output\n    {indent}steps:\n"
    return f"{text}  {'    ' * depth}s{depth}: {inmost}\noutputs: {{o: steps.s0.output}}\n"


LAUGHS = "a0: &a0 [lol, lol, lol, lol]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
REFERENCES = several(60, lambda i: f"d{i}: {{allOf: [{{$ref: '#/$defs/d{i + 1}'}}, {{$ref: '#/$defs/d{i + 1}'}}]}}")

Codes = tuple[str, ...]
Case = tuple[str | bytes | Callable[[], str | bytes], Codes]

TEXTS: dict[str, Case] = {
    "40,000 brackets": ("[" * 40_000, ("AF104",)),
    "40,000 braces": ("{a: " * 40_000, ("AF104",)),
    "40,000 dashes": ("- " * 40_000, ("AF104",)),
    "40,000 question marks": ("? " * 40_000, ("AF104", "AF105")),
    "billion laughs": (LAUGHS, ("AF104",)),
    "an alias inside its anchor": ("a: &a [*a]", ("AF105", "AF201", "AF202")),
    "merge keys": (lambda: "a: &a {x: 1}\nb: {" + "<<: *a, " * 99 + "}", ("AF105", "AF201", "AF202")),
    "merge keys a thousandfold": (lambda: "a: &a {x: 1}\nb: {" + "<<: *a, " * 50_000 + "}", ("AF104", "AF105")),
    "an alias used a hundred thousand times": (lambda: "a: &a x\nb: [" + "*a, " * 100_000 + "]", ("AF104",)),
    "a file of NUL": (b"\0" * 1_000_000, ("AF101",)),
    "NUL in a value": (HEAD + "steps: {a: {value: '\0'}}", ("AF101",)),
    "NUL as an escape": (HEAD + 'steps: {a: {value: "\\0"}}', ("AF101", "AF306")),
    "overlong UTF-8": (b"agentflow: \xc0\x80", ("AF101",)),
    "half a pair as UTF-8": (b"name: \xed\xa0\x80", ("AF101",)),
    "half a pair as an escape": (HEAD + "steps: {a: {value: \"'\\uD800'\"}}", ("AF102",)),
    "half a pair in an expression": (value(r"'\ud800'"), ("AF306",)),
    "a cut-off character": (HEAD.encode() + b"steps: \xf0\x9f\x98", ("AF101",)),
    "UTF-16": ((HEAD + ONE_STEP).encode("utf-16"), ("AF101",)),
    "UTF-16 without its mark": ((HEAD + ONE_STEP).encode("utf-16-le"), ("AF101",)),
    "UTF-32": ((HEAD + ONE_STEP).encode("utf-32"), ("AF101",)),
    "a byte order mark inside": (HEAD + "\ufeff" + ONE_STEP, ("AF101",)),
    "a byte order mark in front": ("\ufeff" + HEAD + ONE_STEP, ()),
    "returns for line ends": ((HEAD + ONE_STEP).replace("\n", "\r"), ()),
    "controls of a terminal": (HEAD + "steps: {a: {value: '\x1b[2J'}}", ("AF101",)),
    "text from right to left": (HEAD + "steps: {a\u202e: {value: '1'}}", ("AF205",)),
    "a letter that looks like another": (HEAD + "steps: {\u0430: {value: '1'}}", ("AF205",)),
    "a line separator that hides a key": (f"{HEAD}# note\u2028{ONE_STEP}", ("AF101",)),
    "a Python tag": ("!!python/object/apply:os.system [id]", ("AF105",)),
    "a tag of a megabyte": (lambda: "!<" + "a" * 1_000_000 + "> x", ("AF105",)),
    "several documents": (HEAD + ONE_STEP + "---\n" + HEAD + ONE_STEP, ("AF105",)),
    "100,000 documents": ("--- a\n" * 100_000, ("AF105",)),
    "100,000 directives": (lambda: "".join(f"%TAG !a{i}! x\n" for i in range(100_000)), ("AF104",)),
    "10 MB of junk": (lambda: b"\xff\x00{[" * 2_500_000, ("AF106",)),
    "10 MB of spaces": (lambda: b" " * 10_000_000, ("AF106",)),
    "2 MB of junk": (lambda: bytes(range(1, 256)) * 8_000, ("AF101",)),
    "2 MB of line breaks": (lambda: "\n" * 2_000_000, ("AF104",)),
    "2 MB of returns": (lambda: HEAD + "\r" * 2_000_000, ("AF104",)),
    "2 MB of comments": (lambda: HEAD + "#\n" * 1_000_000, ("AF104",)),
    "2 MB of emoji": (lambda: HEAD + "x: " + "\U0001f600" * 500_000, ("AF201", "AF202")),
    "2 MB of separators": (lambda: HEAD + "\x85" * 1_000_000, ("AF101", "AF104")),
    "the same key 150,000 times": (lambda: "a: 1\n" * 150_000, ("AF103", "AF104")),
    "an open quote": (lambda: 'x: "' + "\\n" * 900_000, ("AF102",)),
    "an empty file": ("", ("AF102",)),
    "a file of one word": ("hello", ("AF203",)),
    "a file of dashes": (lambda: "-" * 2_000_000, ("AF203",)),
    "a list of 190,000": (lambda: HEAD + "steps: [" + "1," * 190_000 + "]", ("AF104",)),
    "a mapping of 95,000": (lambda: HEAD + "".join(f"k{i}: 1\n" for i in range(95_000)), ("AF104",)),
    "30,000 lists of 3": (lambda: HEAD + "x:\n" + "- [1, 2, 3]\n" * 30_000, ("AF104",)),
    "an integer of a million digits": (lambda: input_of("default: " + "9" * 1_000_000), ("AF104",)),
    "a float of a million digits": (lambda: input_of("default: 0." + "9" * 1_000_000), ("AF104",)),
    "a number past all floats": (input_of("default: 1e999999"), ("AF104",)),
    "a number that is none": (input_of("default: .nan"), ("AF105",)),
    "a duration of 400 digits": (HEAD + "limits: {wall_time: " + "9" * 400 + "d}\n" + ONE_STEP, ("AF203",)),
    "a duration of a megabyte": (
        lambda: HEAD + "limits: {wall_time: " + "1" * 1_000_000 + "s}\n" + ONE_STEP,
        ("AF203",),
    ),
    "an id of a megabyte": (lambda: HEAD + "steps: {" + "a" * 1_000_000 + ": {value: '1'}}", ("AF102",)),
    "an id of 1,000 characters": (HEAD + "steps: {" + "a" * 1_000 + ": {value: '1'}}", ()),
    # Many problems: the first hundred, and a note.
    "10,000 unknown keys": (lambda: HEAD + ONE_STEP + "".join(f"k{i}: 1\n" for i in range(9_990)), ("AF104", "AF201")),
    "1,000 steps of no kind": (lambda: steps(1_000, lambda i: "vlaue: 1"), ("AF104", "AF204")),
    "1,000 bad ids": (
        lambda: HEAD + "steps:\n" + "".join(f"  s-{i}: {{value: '1'}}\n" for i in range(1_000)),
        ("AF104", "AF205"),
    ),
    "1,000 unknown steps": (lambda: steps(1_000, lambda i: f"value: steps.t{i}.output"), ("AF104", "AF301")),
    "1,000 unknown agents": (lambda: steps(1_000, lambda i: f"agent: x{i}, prompt: hi"), ("AF104", "AF308")),
    "1,000 torn expressions": (lambda: steps(1_000, lambda i: "value: '1 +'"), ("AF104", "AF306")),
    "1,000 missing files": (
        lambda: steps(1_000, lambda i: f"agent: {{instructions: a}}, prompt: {{file: nope{i}}}"),
        ("AF104", "AF106"),
    ),
    "1,000 unused inputs": (
        lambda: HEAD + ONE_STEP + "inputs: {" + several(1_000, lambda i: f"a{i}: {{type: string}}") + "}",
        ("AF104", "AF404"),
    ),
    "10,000 unknown tools": (
        lambda: (
            f"{HEAD}steps: {{a: {{agent: {{instructions: a, tools: [{several(10_000, lambda i: f'Raed{i}')}]}}, "
            "prompt: a}}"
        ),
        ("AF104", "AF309"),
    ),
    "100,000 needs": (
        lambda: HEAD + "steps: {a: {value: '1', needs: [" + several(100_000, lambda i: f"b{i}") + "]}}",
        ("AF104",),
    ),
    # Graphs.
    "a cycle of one": (HEAD + "steps: {a: {value: steps.a.output}}", ("AF401",)),
    "a cycle of 1,000": (lambda: steps(1_000, lambda i: f"value: steps.s{(i + 1) % 1_000}.output"), ("AF401",)),
    "500 cycles": (lambda: steps(1_000, lambda i: f"value: steps.s{i ^ 1}.output"), ("AF104", "AF401")),
    "a knot of 200": (
        lambda: steps(200, lambda i: f"value: '1', needs: [{several(200, lambda j: f's{j}')}]"),
        ("AF401",),
    ),
    "blocks 50 deep": (blocks(50, "{value: '1'}"), ()),
    "blocks 70 deep": (blocks(70, "{value: '1'}"), ("AF104",)),
    "blocks 50 deep around nothing": (blocks(50, "{}"), ("AF204",)),
    "an agent that calls itself": (
        HEAD + "agents: {x: {description: d, instructions: i, tools: [Agent(x)]}}\nsteps: {a: {agent: x, prompt: p}}",
        ("AF401",),
    ),
    # Expressions and templates.
    "an attribute of Python": (value("''.__class__.__mro__"), ("AF303",)),
    "an attribute of Python, in brackets": (value("''['__class__']"), ("AF303",)),
    "an attribute of the run": (value("run.__init__.__globals__"), ("AF303",)),
    "an attribute by a filter": (value("'' | attr('__class__')"), ("AF307",)),
    "a method": (value("'{0.__class__}'.format(1)"), ("AF307",)),
    "a function": (value("range(10 ** 9)"), ("AF307",)),
    "an import": (prompt("{% import 'os' as os %}"), ("AF307",)),
    "an inclusion": (prompt("{% include '/etc/passwd' %}"), ("AF307",)),
    "a macro": (prompt("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"), ("AF307",)),
    "a recursive loop": (prompt("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}"), ("AF307",)),
    "a number past all floats in an expression": (value("1e999999"), ("AF306",)),
    "a number of 5,000 digits in an expression": (value("1" * 5_000), ("AF306",)),
    "a sum of a megabyte": (lambda: value("inputs.a + " * 90_000 + "1"), ("AF306",)),
    "a list of a megabyte": (lambda: value("[" + "1, " * 330_000 + "1]"), ("AF306",)),
    "a name of a megabyte": (lambda: value("inputs" + ".a" * 500_000), ("AF306",)),
    "a name of 5,000 parts": (value("inputs" + ".a" * 5_000), ("AF306",)),
    "a text of a megabyte": (lambda: value("'" + "x" * 1_000_000 + "'"), ("AF306",)),
    "a million minus signs": (lambda: value("-" * 1_000_000 + "1"), ("AF306",)),
    "150,000 filters": (lambda: value("inputs" + "|lower" * 150_000), ("AF306",)),
    "19,000 brackets": (value("[" * 19_000), ("AF306",)),
    "2,000 nots": (value("not " * 2_000 + "1"), ("AF306",)),
    "1,500 powers": (value("2" + "**2" * 1_500), ("AF306",)),
    "1,500 choices": (value("1 if 1 else " * 1_500 + "1"), ("AF306",)),
    "a mapping of 2,000 in an expression": (value("{" + several(2_000, lambda i: f"'a{i}': {i}") + "}"), ("AF306",)),
    "100,000 placeholders": (lambda: prompt("{{ inputs.a }}" * 100_000), ("AF306",)),
    "450,000 comments": (lambda: prompt("{##}" * 450_000), ("AF306",)),
    "a million open braces": (lambda: prompt("{{" * 900_000), ("AF306",)),
    "100,000 open ifs": (lambda: prompt("{% if 1 %}" * 90_000), ("AF306",)),
    "100,000 loops, one after another": (lambda: prompt("{% for a in [1] %}x{% endfor %}" * 50_000), ("AF306",)),
    "100 loops inside each other": (prompt("{% for a in [1] %}" * 100 + "{% endfor %}" * 100), ("AF306",)),
    "a folded text with 300 wrong names": (
        lambda: (
            f"{HEAD}steps:\n  a:\n    agent: {{instructions: a}}\n    prompt: >\n"
            + "      some words and {{ inputs.q }}\n" * 300
            + "      many more words of it\n" * 5_000
        ),
        ("AF104", "AF302"),
    ),
    "a shell string of a megabyte": (
        lambda: f'{HEAD}steps: {{a: {{run: "{"echo {{ inputs.a }}; " * 50_000}"}}}}',
        ("AF501",),
    ),
    # Schemas.
    "a pattern that explodes": (
        input_of("type: string, pattern: '(a+)+$', default: " + "a" * 50_000 + "b"),
        ("AF208",),
    ),
    "a pattern that looks around": (input_of("type: string, pattern: '(?=a)a'"), ("AF206",)),
    "a pattern that refers back": (input_of(r"type: string, pattern: '(a)\1'"), ("AF206",)),
    "a pattern of a billion": (input_of("type: string, pattern: '((a{1000}){1000}){1000}'"), ("AF206",)),
    "a pattern of 50,000 brackets": (input_of("type: string, pattern: '" + "(a" * 50_000 + "'"), ("AF206",)),
    "5,000 patterns": (
        lambda: input_of("type: object, properties: {" + several(5_000, lambda i: f"a{i}: {{pattern: a{i}}}") + "}"),
        ("AF206",),
    ),
    "500 patterns that are small and become large": (
        lambda: HEAD + ONE_STEP + "inputs: {" + several(500, lambda i: f"a{i}: {{pattern: '(\\pL{{900}}){i}'}}") + "}",
        ("AF104", "AF206"),
    ),
    "a reference to itself": (input_of("$ref: '#'"), ("AF206",)),
    "references that double": (input_of(f"$ref: '#/$defs/d0', $defs: {{{REFERENCES}, d60: {{}}}}"), ("AF206",)),
    "a reference to a server": (input_of("$ref: 'http://127.0.0.1:9/schema'"), ("AF206",)),
    "a reference to a file": (input_of("$ref: 'file:///etc/passwd'"), ("AF206",)),
    "a schema in itself, by an alias": (f"{HEAD}inputs: {{a: &a {{items: *a}}}}\n{ONE_STEP}", ("AF105", "AF206")),
    "a schema 110 deep": (input_of("items: " + "{items: " * 110 + "{}" + "}" * 110), ("AF206",)),
    "6,000 forms": (lambda: input_of(f"anyOf: [{several(6_000, lambda i: '{type: string}')}]"), ("AF206",)),
    "a choice of 10,000": (lambda: input_of(f"enum: [{several(10_000, lambda i: f'a{i}')}]"), ()),
    "a schema of 9,000 values": (
        lambda: input_of("properties: {" + several(3_000, lambda i: f"a{i}: {{type: string, title: t}}") + "}"),
        (),
    ),
    "3,000 schemas that are wrong": (
        lambda: input_of("properties: {" + several(3_000, lambda i: f"a{i}: {{type: strnig}}") + "}"),
        ("AF206",),
    ),
    "3,000 schemas of a rare kind": (
        lambda: input_of("properties: {" + several(3_000, lambda i: f"a{i}: {{$vocabulary: {{}}}}") + "}"),
        ("AF206",),
    ),
    "a default of 9,000 items": (
        lambda: input_of(f"type: array, items: {{pattern: '^a+$'}}, default: [{several(9_000, lambda i: 'b')}]"),
        ("AF104",),
    ),
    # Rules.
    "a rule of a megabyte": (lambda: tool("Read(" + "**/" * 400_000 + ")"), ("AF309",)),
    "a rule of 1,300 stars": (tool("Read(" + "**/" * 1_300 + ")"), ()),
    "a rule that is no pattern": (tool("Read(" + "[" * 4_000 + ")"), ()),
    "a rule that leaves the project": (tool("Read(../../etc/**)"), ("AF309",)),
    "a folder that leaves the project": (HEAD + "steps: {a: {run: [ls], cwd: ../../etc}}", ("AF203",)),
    # Names of files, in a folder that has none.
    "a file above the project": (prompt("x").replace('"x"', "{file: ../../etc/passwd}"), ("AF106",)),
    "an absolute file": (prompt("x").replace('"x"', "{file: /etc/passwd}"), ("AF106",)),
    "a file of a device": (prompt("x").replace('"x"', "{file: /dev/zero}"), ("AF106",)),
    "a file with NUL in its name": (prompt("x").replace('"x"', '{file: "a\\0b"}'), ("AF101", "AF106")),
    "a file with a name of a megabyte": (
        lambda: prompt("x").replace('"x"', "{file: " + "a/" * 500_000 + "}"),
        ("AF106",),
    ),
    "a file with a name of 3,000 characters": (prompt("x").replace('"x"', "{file: " + "x" * 3_000 + "}"), ("AF106",)),
    **STEPS,
    "a file with an address": (prompt("x").replace('"x"', "{file: 'https://example.org/x'}"), ("AF106",)),
}


def named(name: str) -> str:
    """A workflow whose prompt is a file."""
    return prompt("x").replace('"x"', f"{{file: {name}}}")


def called(module: str) -> str:
    """A workflow that calls a function of a module beside it."""
    return f"{HEAD}steps: {{a: {{call: '{module}:f'}}}}\n"


def schema_of(name: str) -> str:
    return f"{HEAD}steps: {{a: {{agent: {{instructions: hi, output: {{file: {name}}}}}, prompt: hi}}}}\n"


NAMED: dict[str, tuple[str, Codes]] = {
    "a folder": (named("folder"), ("AF106",)),
    "a pipe": (named("pipe"), ("AF106",)),
    "a link out of the project": (named("link_out"), ("AF106",)),
    "a link to a device": (named("link_device"), ("AF106",)),
    "a link to itself": (named("link_loop"), ("AF106",)),
    "a folder that links to itself": (named("link_here/link_here/link_here/small.md"), ()),
    "a gigabyte of nothing": (named("sparse"), ("AF106",)),
    "bytes that are no text": (named("binary"), ("AF106",)),
    "text with NUL": (named("nul.md"), ("AF106",)),
    "the workflow itself": (named("itself.yaml"), ()),
    "a template of a megabyte": (named("braces.md"), ("AF306",)),
    "files of 10 MB together": (
        HEAD
        + "steps: {"
        + several(10, lambda i: f"a{i}: {{agent: {{instructions: a}}, prompt: {{file: long{i}.md}}}}")
        + "}",
        ("AF104",),
    ),
    "a schema with brackets": (schema_of("brackets.yaml"), ("AF104",)),
    "a schema of laughs": (schema_of("laughs.yaml"), ("AF104",)),
    "a schema that is a list": (schema_of("list.yaml"), ("AF206",)),
    "a function of a module with brackets": (called("brackets"), ("AF316",)),
    "a function of a module with signs": (called("signs"), ("AF316",)),
    "a function of a module with NUL": (called("nul"), ("AF106",)),
    "1,000 functions of a long module": (
        HEAD + "steps:\n" + "".join(f"  s{i}: {{call: 'long:f', with: {{x: {i}}}}}\n" for i in range(1_000)),
        (),
    ),
    "1,000 functions that a module has not": (
        HEAD + "steps:\n" + "".join(f"  s{i}: {{call: 'middling:g{i}'}}\n" for i in range(1_000)),
        ("AF104", "AF316"),
    ),
    "a schema of another folder": (schema_of("../outside.yaml"), ("AF106",)),
}

PATHS: dict[str, Codes] = {
    "project/folder.yaml/": ("AF106",),
    "project/pipe": ("AF106",),
    "project/link_loop": ("AF106",),
    "project/sparse": ("AF106",),
    "/dev/zero": ("AF106",),
    "/dev/stdin/x": ("AF106",),
    "project/no such file.yaml": ("AF106",),
    "project/" + "x" * 300: ("AF106",),
}
"""Paths given to the command that are no workflow files."""


def source_of(case: Case) -> bytes:
    """The bytes of one of `TEXTS`."""
    made = case[0]() if callable(case[0]) else case[0]
    return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def make_project(folder: Path) -> None:
    """Lays out the files that `NAMED` and `PATHS` speak of."""
    project = folder / "project"
    (project / ".git").mkdir(parents=True)
    (folder / "outside.yaml").write_text("type: string\n")
    (project / "folder").mkdir()
    os.mkfifo(project / "pipe")
    (project / "link_out").symlink_to("../outside.yaml")
    (project / "link_device").symlink_to("/dev/zero")
    (project / "link_loop").symlink_to("link_loop")
    (project / "link_here").symlink_to(".")
    (project / "small.md").write_text("small\n")
    with (project / "sparse").open("wb") as sparse:
        sparse.truncate(2**30)
    (project / "binary").write_bytes(bytes(range(256)))
    (project / "nul.md").write_text("a\0b")
    (project / "itself.yaml").write_text(HEAD + ONE_STEP)
    (project / "braces.md").write_text("{{ 1 }}" * 100_000)
    for number in range(10):
        (project / f"long{number}.md").write_text("words " * 170_000)
    (project / "brackets.yaml").write_text("[" * 40_000)
    (project / "laughs.yaml").write_text(LAUGHS)
    (project / "brackets.py").write_text("(" * 5_000)
    (project / "signs.py").write_text("def f(x=" + "-" * 50_000 + "1): pass\n")
    (project / "nul.py").write_text("a\0b")
    (project / "long.py").write_text("def f(x): return x\n" + "y = [1, 2, 3, 4]\n" * 40_000)
    (project / "middling.py").write_text("def f(x): return x\n" + "y = [1, 2, 3, 4]\n" * 3_000)
    (project / "list.yaml").write_text("[1]")
