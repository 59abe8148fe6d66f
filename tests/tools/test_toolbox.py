import asyncio
import subprocess
import sys

import pytest

from agentflow.plan.agent_plan import CommandToolPlan, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH
from agentflow.plan.memory_tool import MEMORY
from agentflow.plan.templates import parse_template
from agentflow.tools import toolbox
from agentflow.tools.background import Background
from agentflow.tools.port import ToolOutput
from agentflow.tools.toolbox import BUILTIN, Toolbox


def test_every_tool_that_the_toolbox_answers_has_a_row_and_no_other():
    answered = {name for name, tool in BUILTIN_TOOLS.items() if tool.spec.by == "toolbox"}
    assert {*BUILTIN, *Background().tools(), "WebFetch"} == {*answered, *COMES_WITH, MEMORY}


async def test_a_call_reaches_its_tool(project, context_of):
    (project / "a").write_text("x")
    assert (await Toolbox({}).run("Read", {"file_path": "a"}, context_of())).content == "     1\tx"


async def test_the_files_own_tools_are_called_by_name(context_of):
    spec = ToolSpec("count_words", "Counts.", {"type": "object"}, "none")
    plan = CommandToolPlan(
        spec,
        (parse_template("wc", statements=False), parse_template("-w", statements=False)),
        parse_template("{{ input.text }}", statements=False),
        {},
        20.0,
    )
    output = await Toolbox({"count_words": plan}).run("count_words", {"text": "one two three"}, context_of())
    assert output == ToolOutput("3")


async def test_an_unknown_tool_is_named(context_of):
    output = await Toolbox({}).run("Rea\nd", {}, context_of())
    assert output == ToolOutput("There is no tool `Rea\\nd`.", is_error=True)


async def test_a_fault_of_a_tool_is_an_answer_and_is_logged(context_of, monkeypatch, caplog):
    async def faulty(tool_input, context):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(toolbox, "BUILTIN", {"Read": faulty})
    output = await Toolbox({}).run("Read", {}, context_of())
    assert output.is_error
    assert "fault of its own" in output.content
    assert "secret detail" not in output.content
    assert "secret detail" in caplog.text


async def test_cancelling_passes_through(context_of, monkeypatch):
    async def cancelled(tool_input, context):
        raise asyncio.CancelledError

    monkeypatch.setattr(toolbox, "BUILTIN", {"Read": cancelled})
    with pytest.raises(asyncio.CancelledError):
        await Toolbox({}).run("Read", {}, context_of())


async def test_nothing_of_an_output_is_lost(context_of, monkeypatch):
    async def long(tool_input, context):
        return ToolOutput("a" * 300_000 + "z", is_error=True)

    monkeypatch.setattr(toolbox, "BUILTIN", {"Read": long})
    assert await Toolbox({}).run("Read", {}, context_of()) == ToolOutput("a" * 300_000 + "z", is_error=True)


def test_importing_the_toolbox_brings_in_nothing_heavy():
    heavy = "{'pathspec', 're2', 'pydantic', 'jinja2', 'networkx', 'anthropic'}"
    code = f"import sys, agentflow.tools.toolbox; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
