import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import AgentflowError
from agentflow.tools.failures import readable, reports_failures, shortened


@given(st.text(alphabet=st.characters(codec=None), max_size=30))
def test_any_name_is_shown_on_one_line_as_valid_text(name):
    shown = readable(name)
    assert shown.isprintable()
    shown.encode()


def test_bytes_and_escapes_are_spelled_out():
    assert readable("a\x1b[31m\n\udcff\ud800é") == r"a\x1b[31m\n\udcff\ud800é"
    assert readable("caf\udce9") == r"caf\xe9"


def test_a_long_name_is_cut():
    assert len(shortened("n" * 10_000)) < 400


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (AgentflowError("no room", "make some"), "no room\nmake some"),
        (AgentflowError("no room"), "no room"),
        (
            OSError(errno.EACCES, "x", "/home/somebody/a"),
            "`a`: Permission denied\nThis file or folder is closed to you here: go on without it, and say so.",
        ),
        (OSError("odd"), "`a`: the system refused\nDo not repeat the call as it is; find another way."),
    ],
)
async def test_expected_failures_are_answers(context_of, error, says):
    @reports_failures
    async def failing(tool_input, context):
        raise error

    output = await failing({"file_path": "a"}, context_of())
    assert output.content == says
    assert output.is_error


async def test_a_fault_is_not_hidden(context_of):
    @reports_failures
    async def faulty(tool_input, context):
        raise KeyError("x")

    with pytest.raises(KeyError):
        await faulty({}, context_of())
