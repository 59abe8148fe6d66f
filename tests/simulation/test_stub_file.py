import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import UsageError
from agentflow.simulation.stub_file import stubs_text, write_stubs
from agentflow.source.yaml_reader import read
from tests.simulation.flows import simulated
from tests.simulation.test_dry import FAN, GATED

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    [
        "yes",
        "null",
        "1",
        "0x1",
        "1e3",
        ".inf",
        "~",
        "- a",
        "a: b",
        "a #b",
        "|",
        "a\nb",
        "a\nb\n",
        "a\n\n\n",
        " a\nb",
        "\n",
        "a\n b\n\n  c",
        "a\r\nb",
        "\ta",
        "a\tb\nc",
        "%a",
        "@a",
        "`a`",
        "'",
        '"',
        "{{ x }}",
        "2000-01-01",
        "---",
        "...",
        "<<",
        "a\u2028b",
        "\ufeffa",
        "a\x7fb\nc",
        "\x85",
    ]
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_texts.filter(bool), _values, min_size=1, max_size=4))
def test_what_is_written_reads_back_as_it_was(outputs):
    used = {path: [{"output": value}] for path, value in outputs.items()}
    document, problems = read(stubs_text(used, "flow.yaml"), "s.yaml")
    assert problems == []
    assert document is not None
    assert json.dumps(document.data) == json.dumps({"stubs": {path: starts[0] for path, starts in used.items()}})


def test_several_starts_of_a_step_are_a_list():
    text = stubs_text({"a": [{"output": "one"}, {"output": "two\nlines\n"}]}, "flow.yaml")
    assert text == (
        "# Stands in for the steps of flow.yaml: `agentflow run … --dry-run --stubs <this file>`.\n"
        "stubs:\n"
        "  a:\n"
        "    - output: one\n"
        "    - output: |\n"
        "        two\n"
        "        lines\n"
    )


def test_what_no_file_can_hold_is_replaced():
    document, problems = read(stubs_text({"a": [{"output": "\ud800\0"}]}, "\x1b[31mred"), "s.yaml")
    assert problems == []
    assert document is not None
    assert document.data == {"stubs": {"a": {"output": "\ufffd\ufffd"}}}


@pytest.mark.parametrize(
    ("text", "stubs"),
    [
        (FAN, "  each[1].find: {error: {kind: turns, message: too many}}\n  each.find: {output: nothing}"),
        (GATED, "  agree: {answer: 'no', by: ada, comment: \"not: yet\"}"),
        (GATED, "  agree: {status: skipped, reason: holiday}"),
        (GATED, "  agree: {answer: timeout}"),
        (GATED, ""),
    ],
)
def test_the_stubs_that_were_used_give_the_same_run(text: str, stubs: str):
    inputs = {"items": ["a", "b"]} if text == FAN else {}
    first = simulated(text, stubs, **inputs)
    written = stubs_text(first.used, "flow.yaml").partition("stubs:\n")[2]
    again = simulated(text, written, **inputs)
    assert again.trace.result == first.trace.result
    assert [(step.path, step.status, step.output) for step in again.trace.steps] == [
        (step.path, step.status, step.output) for step in first.trace.steps
    ]
    assert again.used == first.used


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    path = tmp_path / "s.yaml"
    write_stubs(path, "stubs: {}\n")
    with pytest.raises(UsageError, match="there already"):
        write_stubs(path, "mine")
    assert path.read_text() == "stubs: {}\n"
    with pytest.raises(UsageError, match="cannot be written"):
        write_stubs(tmp_path / "no" / "s.yaml", "")
