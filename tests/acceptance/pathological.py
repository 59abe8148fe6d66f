"""What tools, models, people and files can hand a run that no one had in mind, each with how the run must end.

One table for the tests, at sizes of a moment, and for `python -m benchmarks sessions-pathological`, at full size.
Every case is cut off and resumed twice: after the reply that hurts, and when everything that hurts is on record.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.messages_api import Raw, Reply, first_user, text, tool_use, turn_of

JSON = Any
Check = Callable[[Mapping[str, JSON], str], bool]
"""Over the run's outputs, and the text of the last request of the step `one`: whether nothing is lost."""

HEAD = """\
agentflow: 1
name: pathological
sandbox: "off"
limits: {cost_usd: 1000000, turns: 10000, wall_time: 20m, parallel: 8}
"""
LAST = "the last of all"
TAIL = f"""
  last: {{agent: {{instructions: End.}}, prompt: {LAST}, needs: [one], join: done}}
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the inputs are.

    Attributes:
        mega: bytes of what is to be megabytes.
        sendable: bytes of what goes back to the model, whose window it must fit.
        many: of what is to be many thousands.
        deltas: of one reply.
        calls: of one reply.
    """

    mega: int
    sendable: int
    many: int
    deltas: int
    calls: int


QUICK = Size(mega=1 << 20, sendable=1 << 20, many=2_000, deltas=20_000, calls=100)
FULL = Size(mega=10 << 20, sendable=3 << 20, many=10_000, deltas=100_000, calls=1_000)


@dataclass(frozen=True, slots=True)
class Case:
    """A workflow of the step `one`, and what the model says in it.

    Attributes:
        workflow: from `steps:` on or before; the step `last` is added to its end, outputs before `steps`.
        said: the first reply to `one`; every later one is a text.
        fails: the kind of its failure; None: it is done.
        whole: see `Check`; holds of a run that is done.
        chunk: characters of a delta.
        garbled: what is said is no reply, so it is said the first time only: asked again, the model does better.
    """

    workflow: str
    said: Sequence[Mapping[str, JSON]] = ()
    fails: str | None = None
    whole: Check = lambda _outputs, _request: True
    inputs: Mapping[str, JSON] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    chunk: int = 1 << 16
    garbled: bool = False

    @property
    def source(self) -> str:
        """The whole file."""
        return HEAD + self.workflow.rstrip("\n") + TAIL

    def write(self, folder: Path) -> Path:
        """Writes the workflow and its files into a project's folder; returns the workflow's path."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        file = folder / "pathological.yaml"
        file.write_text(self.source)
        return file

    def reply(self, request: Mapping[str, JSON], attempt: int) -> Reply:
        """What the model says to a request that comes the `attempt`th time, from 1."""
        if first_user(request) == LAST:
            return Reply([text("That is all.")])
        if self.garbled and attempt > 1:
            return Reply([text("Done.")])
        return Reply(self.said or [text("Nothing to do.")]) if turn_of(request) == 0 else Reply([text("Done.")])


def agent(tools: str, more: str = "") -> str:
    """The step `one` of an agent with tools, and its text as the output."""
    return f"""\
outputs: {{said: steps.one.output}}
steps:
  one:
    agent: {{instructions: Work., tools: [{tools}], stop: {{tool_calls: 100000, failed_calls: 100000}}{more}}}
    prompt: Begin.
"""


def shell(script: str, parse: str = "text") -> str:
    """The step `one` of a command."""
    return f"""\
outputs: {{said: steps.one.output}}
steps:
  one: {{run: {json.dumps(script)}, parse: {parse}, effects: none}}
"""


def nested(depth: int) -> str:
    """JSON text of mappings inside each other."""
    return '{"a":' * depth + "1" + "}" * depth


RECURSIVE = """\
{type: object, properties: {a: {$ref: "#"}, n: {type: integer}}}"""


def said(outputs: Mapping[str, JSON]) -> JSON:
    return outputs["said"]


def bash(script: str) -> Mapping[str, JSON]:
    return tool_use("Bash", {"command": script})


def answering(schema: str, answer: str, **more: Any) -> Case:
    """An agent whose answer must meet a schema."""
    return Case(agent("", f", output: {schema}"), [text(answer)], **more)


def cases(size: Size) -> dict[str, Case]:
    """All cases by name."""
    return {**_strings(size), **_json(size), **_bytes(size), **_many(size), **_names(size)}


def _strings(size: Size) -> dict[str, Case]:
    mega = size.mega
    return {
        "a reply of megabytes": Case(
            agent(""), [text("x" * mega)], whole=lambda outputs, _: said(outputs) == "x" * mega
        ),
        "tiny deltas": Case(
            agent(""), [text("y" * size.deltas)], chunk=1, whole=lambda outputs, _: said(outputs) == "y" * size.deltas
        ),
        "a tool input of megabytes": Case(
            agent("Write"),
            [tool_use("Write", {"file_path": "big.txt", "content": "z" * size.sendable})],
            whole=lambda _, request: "big.txt" in request,
        ),
        "a tool input longer than the model's window": Case(
            agent("Write"),
            [tool_use("Write", {"file_path": "big.txt", "content": "z" * (5 << 20)})],
            fails="context_window",
        ),
        "a line of megabytes from a tool": Case(
            agent("Bash"),
            [bash(f"head -c {mega} /dev/zero | tr '\\0' x")],
            whole=lambda _, request: "bytes cut" in request,
        ),
        "a line of megabytes read": Case(
            agent("Read"), [tool_use("Read", {"file_path": "big.txt"})], files={"big.txt": b"w" * mega}
        ),
        "a line of megabytes searched": Case(
            agent("Grep"),
            [tool_use("Grep", {"pattern": "w+v", "output_mode": "content"})],
            files={"big.txt": b"w" * mega + b"v"},
        ),
        "a line of megabytes from a command": Case(
            shell(f"head -c {mega} /dev/zero | tr '\\0' x"), whole=lambda outputs, _: said(outputs) == "x" * mega
        ),
        "more than a command may print": Case(
            shell(f"head -c {11 << 20} /dev/zero | tr '\\0' x"), fails="command_failed"
        ),
        "an input of megabytes": Case(
            "inputs: {big: {type: string}}\noutputs: {said: inputs.big}\n"
            "steps:\n  one: {run: [cat], stdin: '{{ inputs.big }}', effects: none}\n",
            inputs={"big": "v" * 900_000},
            whole=lambda outputs, _: said(outputs) == "v" * 900_000,
        ),
        "an input longer than text may be": Case(
            "inputs: {big: {type: string}}\nsteps:\n  one: {run: [cat], stdin: '{{ inputs.big }}', effects: none}\n",
            inputs={"big": "v" * 2_000_000},
            fails="expression",
        ),
        "an input of megabytes in argv": Case(
            "inputs: {big: {type: string}}\nsteps:\n  one: {run: [echo, '{{ inputs.big }}'], effects: none}\n",
            inputs={"big": "v" * 900_000},
            fails="command_failed",
        ),
        "a prompt of megabytes": Case(
            "inputs: {big: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {agent: {instructions: Hi.}, prompt: '{{ inputs.big }}'}\n",
            inputs={"big": "v" * 900_000},
            whole=lambda _, request: "v" * 900_000 in request,
        ),
    }


def _json(size: Size) -> dict[str, Case]:
    def raw(value: str) -> list[Mapping[str, JSON]]:
        return [tool_use("Read", Raw(value))]

    many = size.many
    echo = agent("echo").replace("outputs:", TOOL + "outputs:", 1)

    def call(value: str) -> Case:
        return Case(echo, [tool_use("echo", Raw('{"value":' + value + "}"))])

    return {
        "tool input a thousand deep": Case(agent("Read"), raw(nested(1_000)), garbled=True),
        "tool input a hundred thousand deep": Case(agent("Read"), raw(nested(100_000)), garbled=True),
        "tool input with a key twice": Case(agent("Read"), raw('{"file_path": "a", "file_path": "b"}'), garbled=True),
        "tool input with a number past any float": Case(agent("Read"), raw('{"limit": 1e999}'), garbled=True),
        "tool input with 5,000 digits": Case(agent("Read"), raw('{"limit": ' + "9" * 5_000 + "}"), garbled=True),
        "tool input with 3,000 digits": call("9" * 3_000),
        "tool input with NaN": Case(agent("Read"), raw('{"limit": NaN}'), garbled=True),
        "tool input ninety deep": call(nested(90)),
        "tool input of many keys": call(json.dumps({f"k{n}": n for n in range(many)})),
        "an answer a thousand deep": answering(RECURSIVE, nested(1_000), fails="output_invalid"),
        "an answer a hundred thousand deep": answering(RECURSIVE, nested(100_000), fails="output_invalid"),
        "an answer ninety deep": answering(RECURSIVE, '{"a":' * 90 + '{"n":1}' + "}" * 90),
        "an answer of a number past any float": answering("{type: object}", '{"n": 1e999}', fails="output_invalid"),
        "an answer of 4,000 digits": answering("{type: object}", '{"n": ' + "9" * 4_000 + "}", fails="output_invalid"),
        "an answer of 3,000 digits": answering("{type: object}", '{"n": ' + "9" * 3_000 + "}"),
        "an answer with a key twice": answering("{type: object}", '{"n": 1, "n": 2}'),
        "an answer of half a character": answering("{type: object}", '{"n": "\\ud800"}'),
        "an answer of many values": answering("{type: array}", json.dumps(list(range(many * 10)))),
        "a command's JSON a thousand deep": Case(
            shell("cat deep.json", "json"), files={"deep.json": nested(1_000).encode()}, fails="command_failed"
        ),
        "a command's JSON nine hundred deep": Case(
            shell("cat deep.json", "json"), files={"deep.json": nested(900).encode()}, fails="command_failed"
        ),
        "a command's JSON two hundred deep": Case(
            shell("cat deep.json", "json"), files={"deep.json": nested(200).encode()}, fails="command_failed"
        ),
        "a command's JSON a hundred thousand deep": Case(
            shell("cat deep.json", "json"), files={"deep.json": nested(100_000).encode()}, fails="command_failed"
        ),
        "a command's JSON of 3,000 digits": Case(shell("head -c 3000 /dev/zero | tr '\\0' 9", "json")),
        "a command's JSON of 5,000 digits": Case(
            shell("head -c 5000 /dev/zero | tr '\\0' 9", "json"), fails="command_failed"
        ),
        "a command's JSON past any float": Case(shell("echo '[1e999]'", "json"), fails="command_failed"),
        "a command's JSON of half a character": Case(shell("echo '\"a \\ud800 b\"'", "json")),
        "a function's value a thousand deep": Case(
            CALL,
            files={"deep.py": NESTING % 1_000},
            fails="call_failed",
        ),
        "a function's value two hundred deep": Case(
            CALL,
            files={"deep.py": NESTING % 200},
            fails="call_failed",
        ),
        "a function's infinite number": Case(
            CALL,
            files={"deep.py": b"def one():\n    return float('inf')\n"},
            fails="call_failed",
        ),
        "a function's half of a character": Case(CALL, files={"deep.py": b"def one():\n    return chr(0xd800)\n"}),
        "a function's enormous number": Case(
            CALL,
            files={"deep.py": b"def one():\n    return 10 ** 6000\n"},
            fails="call_failed",
        ),
        "an input nested deep": Case(
            "inputs: {deep: {}}\noutputs: {said: steps.one.output}\nsteps:\n  one: {value: inputs.deep}\n",
            inputs={"deep": json.loads(nested(90))},
        ),
    }


CALL = "outputs: {said: steps.one.output}\nsteps:\n  one: {call: 'deep:one', effects: none}\n"
NESTING = b"def one():\n    value = 1\n    for _ in range(%d): value = [value]\n    return value\n"
TOOL = """\
tools:
  echo:
    description: Says it.
    input: {type: object, properties: {value: {}}, required: [value]}
    run: [cat]
    stdin: "{{ input.value }}"
    effects: none
"""


def _bytes(size: Size) -> dict[str, Case]:
    binary = bytes(range(256)) * 4_096
    half = "a \ud800 b"
    return {
        "binary from a tool": Case(agent("Bash"), [bash("cat blob")], files={"blob": binary}),
        "binary read": Case(agent("Read"), [tool_use("Read", {"file_path": "blob"})], files={"blob": binary}),
        "binary searched": Case(agent("Grep"), [tool_use("Grep", {"pattern": "."})], files={"blob": binary}),
        "binary from a command": Case(shell("cat blob"), files={"blob": binary[:100_000]}),
        "binary lines from a command": Case(shell("cat blob", "lines"), files={"blob": binary[:100_000]}),
        "binary as JSON from a command": Case(
            shell("cat blob", "json"), files={"blob": binary[:100_000]}, fails="command_failed"
        ),
        "NUL in a path": Case(agent("Read"), [tool_use("Read", {"file_path": "a\0b"})]),
        "NUL in a script": Case(agent("Bash"), [bash("echo a\0b")]),
        "NUL in a pattern": Case(agent("Glob"), [tool_use("Glob", {"pattern": "a\0*"})]),
        "NUL in a reply": Case(agent(""), [text("a\0b")], whole=lambda outputs, _: said(outputs) == "a\0b"),
        "NUL in argv": Case(
            "inputs: {a: {type: string}}\nsteps:\n  one: {run: [echo, '{{ inputs.a }}'], effects: none}\n",
            inputs={"a": "a\0b"},
            fails="command_failed",
        ),
        "half a character in a reply": Case(agent(""), [text(half)]),
        "half a character in tool input": Case(
            agent("Read"), [tool_use("Read", Raw('{"file_path": "\\ud800"}'))], garbled=True
        ),
        "half a character in an input": Case(
            "inputs: {a: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {run: [cat], stdin: '{{ inputs.a }}', effects: none}\n",
            inputs={"a": half},
        ),
        "half a character in argv": Case(
            "inputs: {a: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {run: [echo, '{{ inputs.a }}'], effects: none}\n",
            inputs={"a": half},
            fails="command_failed",
        ),
        "half a character in env": Case(
            "inputs: {a: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {run: [env], env: {A: '{{ inputs.a }}'}, effects: none}\n",
            inputs={"a": half},
            fails="command_failed",
        ),
        "a file name of no encoding": Case(
            agent("Glob, Bash"), [bash("touch $'\\xff\\xfe'; ls"), tool_use("Glob", {"pattern": "*"})]
        ),
        "half a character to a function": Case(
            "inputs: {a: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {call: 'deep:one', with: {a: '{{ inputs.a }}'}, effects: none}\n",
            inputs={"a": half},
            files={"deep.py": b"def one(a):\n    return a\n"},
        ),
        "half a character written": Case(
            "inputs: {a: {type: string}}\noutputs: {said: steps.one.output}\n"
            "steps:\n  one: {tool: Write, with: {file_path: out.txt, content: '{{ inputs.a }}'}}\n",
            inputs={"a": half},
            fails="tool_failed",
        ),
    }


def _many(size: Size) -> dict[str, Case]:
    todos = [{"content": f"Do {n}", "status": "pending", "activeForm": f"Doing {n}"} for n in range(size.many)]
    calls = [tool_use("Read", {"file_path": f"f{n}.txt"}) for n in range(size.calls)]
    return {
        "many calls in a reply": Case(
            agent("Read"),
            calls,
            files={f"f{n}.txt": f"content {n}.".encode() for n in range(size.calls)},
            whole=lambda _, request: all(request.count(f"content {n}.") == 1 for n in range(size.calls)),
        ),
        "many commands in a reply": Case(
            agent("Bash"),
            [bash(f"echo said {n}.") for n in range(size.calls // 10)],
            whole=lambda _, request: all(request.count(f"said {n}.") == 1 for n in range(size.calls // 10)),
        ),
        "many things to do": Case(agent("TodoWrite"), [tool_use("TodoWrite", {"todos": todos})]),
        "many lines from a command": Case(
            shell(f"seq {size.many * 10}", "lines"), whole=lambda outputs, _: len(said(outputs)) == size.many * 10
        ),
        "many blocks of text": Case(
            agent(""),
            [text("b") for _ in range(size.calls)],
            whole=lambda outputs, _: said(outputs) == "b" * size.calls,
        ),
    }


def _names(size: Size) -> dict[str, Case]:
    long = "n" * 1_000
    return {
        "a call with a long id": Case(
            agent("Read"), [tool_use("Read", {"file_path": "a"}, "t" * 5_000)], fails="unexpected_reply"
        ),
        "a call with a long name": Case(agent("Read"), [tool_use("t" * 5_000, {})], fails="unexpected_reply"),
        "a call of a strange id": Case(
            agent("Read"), [tool_use("Read", {"file_path": "a"}, "../../a b")], fails="unexpected_reply"
        ),
        "a path of megabytes": Case(agent("Read"), [tool_use("Read", {"file_path": "p" * size.sendable})]),
        "a path of many folders": Case(
            agent("Write"),
            [tool_use("Write", {"file_path": "p/" * 2_500 + "a", "content": "a"})],
            whole=lambda _, request: "is too long" in request,
        ),
        "a tree of many folders": Case(
            agent("Bash"),
            [bash("mkdir -p $(printf 'p/%.0s' $(seq 400)) && echo found > $(printf 'p/%.0s' $(seq 400))a")],
        ),
        "a tree of many folders looked through": Case(
            agent("Glob, Grep"),
            [tool_use("Glob", {"pattern": "**/a"}), tool_use("Grep", {"pattern": "found"})],
            files={"p/" * 400 + "a": b"found"},
            whole=lambda _, request: request.count("very deep ones") == 2,
        ),
        "a pattern of megabytes": Case(agent("Grep"), [tool_use("Grep", {"pattern": "(" * size.sendable})]),
        "a glob of megabytes": Case(agent("Glob"), [tool_use("Glob", {"pattern": "*/" * (size.sendable // 2)})]),
        "a glob of many brackets": Case(agent("Glob"), [tool_use("Glob", {"pattern": "[" * size.sendable})]),
        "a glob of many stars": Case(agent("Glob"), [tool_use("Glob", {"pattern": "**/" * 200 + "a"})]),
        "a long name with a workspace": Case(
            f"steps:\n  {long}: {{run: [pwd], workspace: copy, effects: none}}\n"
            f"  one: {{value: steps.{long}.output}}\n",
        ),
    }
