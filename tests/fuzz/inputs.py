"""Strategies for the bytes of workflow files: examples with bytes or nodes changed, and new ones."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import strategies as st

from agentflow.source import yaml_reader

ROOT = Path(__file__).resolve().parents[2]


def _words(text: str) -> list[str]:
    return text.split()


# Any of these somewhere in a file is a mistake that somebody made, or an attack that somebody tried.
BYTES = [
    *(b"\0 \xff \xc0\x80 \xed\xa0\x80 \t \r \r\n \n \n\n \xc2\x85 \xe2\x80\xa8".split(b" ")),
    b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80",
    *(b"{ } [ ] : , - ? | > ' \" # & * ! % @ ` \\ <<: ~ {{ }} {% %} {# #}".split()),
    *(b"&a *a !!str !!python/name:os --- ... %YAML %TAG |2 >- 0x1f 1e999 .nan 1:30 \\x00 \\ud800".split()),
    b": ", b" #", b"- ", b"    ", b"steps:", b"\nsteps: {}\n", b"{{ steps.a.output }}", b"{file: /etc/passwd}",
    b"[" * 200, b"{a: " * 200, b"9" * 400, b" " * 300,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**70, 1e308, 0.1, "", " ", "x", "é", "\u202e", "a.b", "a-b", "steps", "inputs",
    "1", "[]", [], {}, [None], {"file": "prompts/note.md"}, {"file": "../../etc/passwd"},
    {"file": "schemas/verdict.yaml"},
    {"file": 1}, {"type": "string"}, {"$ref": "#"}, {"pattern": "(a+)+$"}, {"value": "1"}, {"steps": {}},
    {"a": {"value": "1"}}, "{{ inputs.topic }}", "{{ steps.plan.output }}", "{{", "{% if true %}x{% endif %}",
    "steps.plan.output", "inputs.topic", "previous", "item", "10m", "0s", "[a, b]", "Read(../x)", "Bash(*)", "Agent",
    "accept",
    "lib.stats:mean", "lib.nope:x", ["TOKEN"], {"attempts": 3}, {"until": "previous.a.output", "max": 2},
    [{"when": "true", "value": "1"}], {"continue": "previous.a"}, "worktree", "{{ secrets.TOKEN }}",
    "x" * 3_000, "a: b", "'", '"', "\n", "\r\n", "\0",
]  # fmt: skip
KEYS = _words("""
agentflow name description inputs defaults limits sandbox env tools agents steps outputs agent prompt run
value approve for_each repeat choose steps step output as max parallel when needs join if_skipped on_error
timeout show retry attempts backoff on on_resume on_unknown workspace secrets until at_max otherwise fail ask
call tool with session continue stdin env cwd parse exit_codes effects model effort instructions finish stop turns
cost_usd file type properties items required enum default untrusted minimum maximum a b plan <<
""")
WORDS = _words("""
steps inputs item loop previous run a b plan output error status . . . [ ] ( ) { } , : | ~ + - * / // % ** <
<= == != >= > and or not in is if else true false none defined 0 1 2.5 10**9 'x' "y" 'a' * 3 default join
length first last map select reject sort unique sum flatten tojson upper replace split truncate range
loop.index secrets secrets.TOKEN previous.a.output converged attempt
{{ }} {% %} \\ ' \" # é __class__ 1e999 99999999999999999999
""")


_FILES_OF_THE_EXAMPLES = (b"call: lib.", b"{file: lib/")


@cache
def examples() -> list[bytes]:
    """The bytes of the workflows that come with the project and name no file beside them."""
    files = [*(ROOT / "tests" / "examples" / "valid").glob("*.yaml"), *(ROOT / "workflows").glob("*.yaml")]
    whole = (file.read_bytes() for file in sorted(files) if not file.name.endswith((".replies.yaml", ".test.yaml")))
    return [text for text in whole if not any(named in text for named in _FILES_OF_THE_EXAMPLES)]


@cache
def trees() -> list[Any]:
    """The same as data."""
    documents = (yaml_reader.read(example, "example.yaml")[0] for example in examples())
    return [document.data for document in documents if document is not None]


@st.composite
def changed_bytes(draw: st.DrawFn) -> bytes:
    """An example with some bytes inserted, deleted, doubled or exchanged."""
    chance = draw(st.randoms(use_true_random=False))
    source = bytearray(chance.choice(examples()))
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(source))
        span = slice(at, at + chance.choice([1, 2, 5, 40]))
        match chance.randint(0, 4):
            case 0 | 1:
                source[at:at] = chance.choice(BYTES) * chance.choice([1, 1, 1, 3])
            case 2:
                del source[span]
            case 3:
                source[at:at] = source[span] * chance.choice([1, 2, 20])
            case _:
                source[span] = bytes(chance.randint(0, 255) for _ in range(chance.randint(1, 4)))
    return bytes(source)


@st.composite
def changed_nodes(draw: st.DrawFn) -> bytes:
    """An example in which values are exchanged, doubled, renamed or taken away."""
    chance = draw(st.randoms(use_true_random=False))
    tree = deepcopy(chance.choice(trees()))
    for _ in range(chance.randint(1, 5)):
        holder, key = chance.choice(list(_spots(tree)))
        match chance.randint(0, 4):
            case 0 | 1:
                holder[key] = deepcopy(chance.choice(VALUES))
            case 2:
                holder[key] = deepcopy(_at(chance.choice(list(_spots(chance.choice(trees()))))))
            case 3 if isinstance(holder, dict):
                holder[chance.choice(KEYS)] = holder.pop(key)
            case _:
                del holder[key]
    return _written(tree, chance)


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a tree, as what holds it and the key there; never none."""
    waiting = [tree]
    yield {"": tree}, ""
    while waiting:
        holder = waiting.pop()
        for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, key
            if isinstance(value, dict | list):
                waiting.append(value)


def _at(spot: tuple[Any, Any]) -> Any:
    return spot[0][spot[1]]


def _written(tree: Any, chance: Random) -> bytes:
    if chance.random() < 0.5:
        return json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=60)).encode("utf-8", "surrogatepass")


@st.composite
def expressions(draw: st.DrawFn) -> bytes:
    """A workflow whose expressions and templates are words of the language in any order."""
    chance = draw(st.randoms(use_true_random=False))

    def words() -> str:
        joint = chance.choice(["", " ", " ", "\n", "\r\n"])
        return joint.join(chance.choice(WORDS) for _ in range(chance.choice([1, 3, 5, 9, 60])))

    def prose() -> str:
        text = ""
        openings = [("{{ ", " }}"), ("{% if ", " %}a{% endif %}"), ("{% for item in ", " %}{{ item }}{% endfor %}")]
        for _ in range(chance.randint(1, 4)):
            before, after = chance.choice(openings)
            text += chance.choice(["", "Hi ", "é\r\n", "'"]) + before + words() + after
        return text

    tree = {
        "agentflow": 1,
        "name": "words",
        "inputs": {"a": chance.choice([{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]), "b": {}},
        "steps": {
            "a": {"value": words()},
            "b": {"for_each": words(), "step": {"value": words()}, "when": words()},
            "plan": {"agent": {"instructions": prose()}, "prompt": prose()},
            "c": {"run": ["echo", prose()], "env": {"A": prose()}, "stdin": prose()},
            "d": {"repeat": {"until": words(), "max": 2}, "step": {"value": words()}},
            "e": {"choose": [{"when": words(), "value": words()}], "otherwise": {"fail": prose()}},
            "f": {"call": "lib.stats:mean", "with": {"values": prose()}},
            "g": {"tool": "Write", "with": {"file_path": prose(), "content": prose()}},
            "h": {"ask": prose(), "show": prose()},
        },
        "outputs": {"o": words()},
    }  # fmt: skip
    return _written(tree, chance)


@st.composite
def workflows(draw: st.DrawFn) -> bytes:
    """A workflow of many steps that read each other, nearly right."""
    chance = draw(st.randoms(use_true_random=False))
    tree: dict[str, Any] = {"agentflow": 1, "name": "made", "steps": _block(chance, 0)}
    if chance.random() < 0.7:
        tree["inputs"] = {name: _schema(chance, 0) for name in ("a", "b")}
    if chance.random() < 0.3:
        tree |= {"secrets": ["TOKEN", "b"], "sandbox": "off"}
    if chance.random() < 0.5:
        tree["outputs"] = {
            "o": f"steps.{chance.choice('abcdef')}.output{chance.choice(['', '.x', '[0]', ' | length'])}"
        }
    return _written(tree, chance)


def _block(chance: Random, depth: int) -> dict[str, Any]:
    return {name: _step(chance, depth) for name in chance.sample("abcdef", chance.randint(1, 5))}


def _step(chance: Random, depth: int) -> dict[str, Any]:
    field = chance.choice(["output", "output.x", "status", "error.message", "converged", "nope"])
    read = f"steps.{chance.choice('abcdefg')}.{field}"
    step: dict[str, Any]
    match chance.randint(0, 10 if depth < 4 else 5):
        case 0:
            step = {
                "value": chance.choice([read, f"{read} | default(1)", f"[{read}]", "inputs.a", "item", "loop.index"])
            }
        case 1:
            step = {"agent": {"output": _schema(chance, 0)}, "prompt": f"{{{{ {read} }}}}"}
        case 2:
            step = {"run": ["echo", "--", f"{{{{ {read} }}}}"], "parse": chance.choice(["text", "json", "lines"])}
        case 3:
            step = {"approve": "Well?", "show": f"{{{{ {read} }}}}"}
        case 4:
            step = _later_step(chance, read)
        case 5:
            step = {"ask": "What?", "show": f"{{{{ {read} }}}}", "output": _schema(chance, 0)}
        case 6:
            step = {
                "for_each": chance.choice([read, "[1, 2]", "inputs.a"]),
                "steps": _block(chance, depth + 1),
                "output": read,
            }
        case 7:
            step = {"for_each": read, "step": _step(chance, depth + 1), "max": chance.choice([1, "inputs.a"])}
        case 8:
            until = chance.choice([f"{read} == 1", read, "previous.a.output", "false"])
            rounds = {"until": until, "max": chance.choice([1, 3, "inputs.a"]), "at_max": "accept"}
            step = {"repeat": rounds, "steps": _block(chance, depth + 1), "output": read}
        case 9:
            cases = [_step(chance, depth + 1) | {"when": f"{read} == {number}"} for number in range(2)]
            step = {"choose": cases, "otherwise": _step(chance, depth + 1)}
        case _:
            step = {"steps": _block(chance, depth + 1), "output": read}
    extra: dict[str, Any] = {
        "when": f"{read} == 1",
        "needs": [chance.choice("abcdefg")],
        "join": "done",
        "if_skipped": None,
    }
    extra |= {"on_error": "continue", "timeout": "1m", "retry": {"attempts": 2}, "on_resume": "rerun"}
    extra["workspace"] = chance.choice(["copy", "worktree", "shared"])
    return step | {key: extra[key] for key in chance.sample(sorted(extra), chance.choice([0, 0, 1, 2]))}


def _later_step(chance: Random, read: str) -> dict[str, Any]:
    """A call of a function, a tool or a failure."""
    text = f"{{{{ {read} }}}}"
    return chance.choice(
        [
            {"call": "lib.stats:mean", "with": {"values": text}, "effects": "none"},
            {"call": chance.choice(["lib.stats:nope", "lib.nope:mean", "lib.stats:total"]), "with": {"x": [text]}},
            {"tool": "Read", "with": {"file_path": text}},
            {"tool": chance.choice(["Write", "Bash", "Grep", "nope"]), "with": {"content": text, "a": 1}},
            {"fail": text, "when": f"{read} == 1"},
            {"run": ["env"], "env": {"TOKEN": chance.choice(["{{ secrets.TOKEN }}", "{{ secrets.nope }}", text])}},
        ]
    )


def _schema(chance: Random, depth: int) -> Any:
    schema: dict[str, Any] = {}
    words: dict[str, Any] = {
        "type": chance.choice(["string", "integer", "object", "array", "strnig", ["string", "null"], 1]),
        "enum": chance.choice([["a"], [], [1, 2], "a"]),
        "pattern": chance.choice(["^a+$", "(a+)+$", "(?=a)", "[", "\\1", "\\pL{9}"]),
        "required": chance.choice([["x"], ["y"], "x"]),
        "default": deepcopy(chance.choice(VALUES)),
        "$ref": chance.choice(["#", "#/$defs/x", "#/properties/x", "http://x/y", 1]),
        "maximum": chance.choice([1, 0.5, "1", 10**400]),
        "format": "path",
    }
    for word in chance.sample(sorted(words), chance.randint(0, 3)):
        schema[word] = words[word]
    if depth < 3 and chance.random() < 0.7:
        inner = _schema(chance, depth + 1)
        key = chance.choice(["properties", "items", "anyOf", "allOf", "$defs", "not", "additionalProperties", "if"])
        schema[key] = {"x": inner} if key in {"properties", "$defs"} else [inner] if key.endswith("Of") else inner
    return schema


SOURCES = st.one_of(changed_bytes(), changed_nodes(), expressions(), workflows())
"""The bytes of a workflow file, of any of these kinds."""
