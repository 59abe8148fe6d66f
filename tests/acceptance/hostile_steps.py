"""Workflow files that hurt by their kinds of step, by secrets, or by what steps have beside their kind."""

from collections.abc import Callable

HEAD = "agentflow: 1\nname: hostile\n"
Codes = tuple[str, ...]
_FROM_SECRET = "E#: '{{ secrets.A }}'"


def _steps(count: int, body: str) -> str:
    """Steps that differ by the number in the place of `#`."""
    return f"{HEAD}steps:\n" + "".join(f"  s{i}: {{{body.replace('#', str(i))}}}\n" for i in range(count))


def _several(count: int, item: str) -> str:
    return ", ".join(item.replace("#", str(i)) for i in range(count))


def _one(step: str) -> str:
    return f"{HEAD}inputs: {{a: {{type: integer}}}}\nsteps: {{a: {{{step}}}}}\noutputs: {{o: inputs.a}}\n"


def _tool(tool: str) -> str:
    return f"{HEAD}tools: {{t: {{{tool}}}}}\nsteps: {{a: {{value: '1'}}}}\n"


def _repeats(depth: int) -> str:
    opening = "repeat: {until: loop.index == 2, max: 3}, step: {" * depth
    return _one(f"{opening}value: loop.index{'}' * depth}")


def _choices(depth: int) -> str:
    opening = "choose: [{when: inputs.a == 1, value: '1'}], otherwise: {" * depth
    return _one(f"{opening}value: '2'{'}' * depth}")


def _asking(form: str) -> str:
    return _one(f"ask: What?, output: {{{form}}}")


def _writers(count: int, rules: int) -> str:
    granted = _several(rules, "Write(p%/b#/**)")
    return "".join(
        [
            f"{HEAD}steps:\n",
            *(f"  s{i}: {{agent: {{tools: [{granted.replace('%', str(i))}]}}, prompt: p}}\n" for i in range(count)),
        ]
    )


def _subagents(count: int) -> str:
    """Each agent sends out the next two, so that each reaches all after it."""
    agents = "".join(
        f"  x{i}: {{description: d, tools: [Write(a{i}/**), Read"
        + "".join(f", Agent(x{j})" for j in range(i + 1, min(i + 3, count)))
        + "]}\n"
        for i in range(count)
    )
    return f"{HEAD}agents:\n{agents}" + _steps(count, "agent: x#, prompt: p")[len(HEAD) :]


STEPS: dict[str, tuple[Callable[[], str], Codes]] = {
    "repeats 20 deep": (lambda: _repeats(20), ()),
    "repeats 200 deep": (lambda: _repeats(200), ("AF104",)),
    "choices 20 deep": (lambda: _choices(20), ()),
    "a repeat of 400 digits": (
        lambda: _one(f"repeat: {{until: loop.index == 2, max: {'9' * 400}}}, step: {{value: '1'}}"),
        ("AF104", "AF203"),
    ),
    "400 digits of attempts": (
        lambda: _one(f"run: [ls], retry: {{attempts: {'9' * 400}}}, effects: none"),
        ("AF104", "AF203"),
    ),
    "10,000 kinds of failure": (
        lambda: _one(f"run: [ls], effects: none, retry: {{attempts: 3, on: [{_several(10_000, 'x#')}]}}"),
        ("AF104", "AF203"),
    ),
    "a choice of nothing": (lambda: _one("choose: [null, 1, [], {}]"), ("AF202", "AF203", "AF204")),
    "a choice of 9,000 without a condition": (
        lambda: _one(f"choose: [{_several(9_000, '{value: a}')}]"),
        ("AF104", "AF202"),
    ),
    "a choice of 1,000": (lambda: _one("choose: [" + _several(1_000, "{when: inputs.a == #, value: '#'}") + "]"), ()),
    "a choice of 1,000 that are one": (
        lambda: _one("choose: [" + _several(1_000, "{when: inputs.a == 1, value: '#'}") + "]"),
        ("AF104", "AF405"),
    ),
    "1,000 functions that are not there": (lambda: _steps(1_000, "call: 'lib#:f'"), ("AF104", "AF106")),
    "a function above the project": (lambda: _one("call: '../x:f'"), ("AF205",)),
    "a function of Python's own": (lambda: _one("call: 'os:system', with: {command: id}"), ("AF106",)),
    "1,000 tools that are functions which are not there": (
        lambda: HEAD + "tools: {" + _several(1_000, "t#: {call: 'lib#:f'}") + "}\nsteps: {a: {value: '1'}}\n",
        ("AF104", "AF106"),
    ),
    "10,000 failures in the retry of a tool": (
        lambda: _tool(f"run: [a], description: d, retry: {{attempts: 2, on: [{_several(10_000, 'x#')}]}}"),
        ("AF104", "AF203"),
    ),
    "a function with a name of 200,000 characters": (lambda: _one(f"call: '{'a.' * 100_000}a:f'"), ("AF106",)),
    "9,000 names in a value that is 40 deep": (
        lambda: _one(
            "tool: Write, with: {content: " + "[" * 40 + _several(9_000, "'{{ inputs.q# }}'") + "]" * 40 + "}"
        ),
        ("AF104", "AF302"),
    ),
    "1,000 tools that are not there": (lambda: _steps(1_000, "tool: x#"), ("AF104", "AF309")),
    "9,000 arguments that a tool has not": (
        lambda: _one(f"tool: Write, with: {{{_several(9_000, 'k#: 1')}}}"),
        ("AF104", "AF317"),
    ),
    "a tool of a megabyte": (lambda: _one(f"tool: {'x' * 1_000_000}"), ("AF205",)),
    "a form that is itself": (lambda: _asking("$ref: '#'"), ("AF206",)),
    "a form with a pattern of a billion": (
        lambda: _asking("type: string, pattern: '((a{1000}){1000}){1000}'"),
        ("AF206",),
    ),
    "a form of 3,000 fields that are wrong": (
        lambda: _asking(f"properties: {{{_several(3_000, 'a#: {type: strnig}')}}}"),
        ("AF206",),
    ),
    "500 forms with patterns that become large": (
        lambda: _steps(500, "ask: What?, output: {pattern: '(\\pL{900})#'}"),
        ("AF104", "AF206"),
    ),
    "9,900 secrets": (
        lambda: f"{HEAD}secrets: [{_several(9_900, 'A#')}]\nsteps: {{a: {{value: '1'}}}}\n",
        ("AF104", "AF404"),
    ),
    "the same secret 9,900 times": (
        lambda: f"{HEAD}secrets: [{_several(9_900, 'A')}]\nsteps: {{a: {{value: '1'}}}}\n",
        ("AF104", "AF404"),
    ),
    "1,000 unknown secrets": (lambda: _steps(1_000, "run: [ls], env: {A: '{{ secrets.S# }}'}"), ("AF104", "AF302")),
    "a secret in 5,000 variables": (
        lambda: f"{HEAD}secrets: [A]\nsteps: {{a: {{run: [ls], env: {{{_several(5_000, _FROM_SECRET)}}}}}}}\n",
        (),
    ),
    "1,000 workspaces in which nothing works": (
        lambda: _steps(1_000, "value: '1', workspace: worktree"),
        ("AF104", "AF404"),
    ),
    "64 writers with 140 rules each": (lambda: _writers(64, 140), ("AF104",)),
    "4 writers with 2,000 rules each": (lambda: _writers(4, 2_000), ("AF104",)),
    "600 agents that send each other out": (lambda: _subagents(600), ("AF104", "AF512")),
    "sessions that go on in a circle": (
        lambda: _steps(2, "agent: {}, prompt: p, session: {continue: s#}"),
        ("AF401",),
    ),
}
