"""What tools tell a model: each message names the thing and says what to do next."""

import ast
import os
from pathlib import Path

import pytest

import agentflow.tools
from agentflow.tools.toolbox import Toolbox
from tests.pictures import pdf, picture

HINTED = {"ToolError", "PatternError", "CommandNotStarted"}


def errors_without_a_next_move(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HINTED:
            given = len(node.args) + len(node.keywords)
            if given < 2 and not any(isinstance(argument, ast.Starred) for argument in node.args):
                yield ast.unparse(node)


def test_an_error_without_a_next_move_is_noticed():
    assert list(errors_without_a_next_move("raise ToolError('x')\nraise ToolError('x', 'y')")) == ["ToolError('x')"]


def test_every_error_of_a_tool_says_what_to_do_next():
    folder = Path(agentflow.tools.__file__).parent
    files = [*folder.glob("*.py"), folder.parent / "guard" / "patterns.py"]
    assert len(files) > 15
    assert [found for file in files for found in errors_without_a_next_move(file.read_text())] == []


@pytest.fixture
def world(project):
    (project / "src").mkdir()
    (project / "src" / "a.py").write_text("one\ntwo\ntwo\n")
    (project / "wide").write_bytes("x\n".encode("utf-16"))
    (project / "archive").write_bytes(b"PK\x03\x04\0\0")
    (project / "many.pdf").write_bytes(pdf(21))
    (project / "broken.png").write_bytes(picture()[:50])
    (project / ".agentflow").mkdir()
    (project / ".agentflow" / "journal").write_text("x")
    (project / ".git").mkdir()
    os.mkfifo(project / "pipe")
    (project / "around").symlink_to("around")
    (project / "out").symlink_to("/etc")
    return project


SITUATIONS = {
    "a file that is not there": ("Read", {"file_path": "gone"}, ["`gone` does not exist", "Glob"]),
    "a folder": ("Read", {"file_path": "src"}, ["is a folder", "Glob"]),
    "a file outside": ("Read", {"file_path": "/etc/passwd"}, ["outside the project", "inside the project"]),
    "a link outside": ("Read", {"file_path": "out/passwd"}, ["outside the project", "inside the project"]),
    "a link in a circle": ("Read", {"file_path": "around"}, ["too many symbolic links", "name the file"]),
    "a pipe": ("Read", {"file_path": "pipe"}, ["device, pipe or socket", "go on without"]),
    "agentflow's own": ("Read", {"file_path": ".agentflow/journal"}, ["agentflow's own memory", "go on without"]),
    "a file as a folder": ("Read", {"file_path": "src/a.py/b"}, ["not a folder", "Glob"]),
    "lines behind the end": ("Read", {"file_path": "src/a.py", "offset": 9}, ["has 3 lines", "from line 9 on"]),
    "an archive": ("Read", {"file_path": "archive"}, ["ZIP archive", "unpacked"]),
    "a long PDF": ("Read", {"file_path": "many.pdf"}, ["21 pages", '`pages: "1-20"`']),
    "a broken image": ("Read", {"file_path": "broken.png"}, ["cannot be decoded", "made again"]),
    "pages of text": ("Read", {"file_path": "src/a.py", "pages": "1"}, ["no pages", "`offset`"]),
    "the repository": ("Write", {"file_path": ".git/config", "content": ""}, [".git", "git command"]),
    "half a character": ("Write", {"file_path": "a", "content": "\ud800"}, ["surrogate pair", "whole character"]),
    "nothing to find": (
        "Edit",
        {"file_path": "src/a.py", "old_string": "three", "new_string": "x"},
        ["does not occur", "read the file again"],
    ),
    "too much to find": (
        "Edit",
        {"file_path": "src/a.py", "old_string": "two", "new_string": "x"},
        ["occurs 2 times", "surrounding lines", "replace_all"],
    ),
    "no change": ("Edit", {"file_path": "src/a.py", "old_string": "two", "new_string": "two"}, ["same", "new_string"]),
    "wide text to edit": (
        "Edit",
        {"file_path": "wide", "old_string": "x", "new_string": "y"},
        ["UTF-16", "UTF-8 alone", "Write"],
    ),
    "an archive to edit": (
        "Edit",
        {"file_path": "archive", "old_string": "x", "new_string": "y"},
        ["binary", "only text can be edited"],
    ),
    "an open brace": ("Glob", {"pattern": "{a,b"}, ["without its }", "\\{"]),
    "nothing matches": ("Glob", {"pattern": "*.rs"}, ["No files match", "Hidden folders"]),
    "look-ahead": ("Grep", {"pattern": "(?=x)"}, ["RE2", "no look-around", "backslash"]),
    "nothing found": ("Grep", {"pattern": "nowhere"}, ["No matches"]),
    "a failed script": ("Bash", {"command": "echo no >&2; exit 3"}, ["[stderr]\nno", "(Exit code 3.)"]),
    "a slow script": ("Bash", {"command": "sleep 9", "timeout": 50}, ["0.05 seconds", "killed", "`run_in_background`"]),
    "too slow a script": ("Bash", {"command": "x", "timeout": 700_000}, ["not started", "`run_in_background`"]),
    "no such task": ("TaskOutput", {"task_id": "x"}, ["no task `x`", "taken up again", "`run_in_background`"]),
    "nothing to stop": ("TaskStop", {"task_id": "x"}, ["no task `x`", "start one with Bash"]),
    "no such tool": ("Look", {}, ["no tool `Look`"]),
}


@pytest.mark.parametrize(("tool", "tool_input", "words"), SITUATIONS.values(), ids=SITUATIONS)
async def test_what_a_model_is_told(world, context_of, tool, tool_input, words):
    tools = Toolbox({})
    output = await tools.run(tool, tool_input, context_of())
    await tools.close()
    assert all(word in output.content for word in words), output.content
    assert str(world) not in output.content


@pytest.mark.parametrize(
    ("tool", "tool_input", "words"),
    [
        ("Read", {"file_path": "src/a.py"}, ["granted for `docs/**` only", "use a path that the rule covers"]),
        ("Bash", {"command": "true"}, ["no sandbox", "`sandbox: off`", "go on with your other tools"]),
        ("Bash", {"command": "true", "run_in_background": True}, ["`sandbox: off`", "go on with your other tools"]),
    ],
)
async def test_what_a_model_is_told_that_may_not(world, context_of, tool, tool_input, words):
    output = await Toolbox({}).run(tool, tool_input, context_of("docs/**", sandbox_off=False))
    assert output.is_error
    assert all(word in output.content for word in words), output.content
