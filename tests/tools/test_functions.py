"""A function of the author's is called in a process of its own, which may do what it likes and is gone afterwards."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentflow.tools.functions import FunctionCall, FunctionFailed, call_function
from tests.engine.doubles import alive, until

Call = Callable[..., Any]


@pytest.fixture
def call(project: Path) -> Call:
    """Calls `f` of a module `lib.m`, of which the file holds something else."""
    (project / "lib").mkdir()
    (project / "lib/m.py").write_text("raise RuntimeError('the file was read')")
    (project / "elsewhere").mkdir()

    async def call_text(text: str, timeout: float = 60.0, env: dict[str, str] | None = None, **given: object) -> Any:
        return await call_function(
            FunctionCall(
                folder=project,
                file="lib/m.py",
                module="lib.m",
                function="f",
                text=text,
                arguments=given,
                env=env or {},
                cwd=project / "elsewhere",
                timeout=timeout,
            )
        )

    return call_text


async def failure_of(awaited: Any) -> str:
    with pytest.raises(FunctionFailed) as failed:
        await awaited
    return failed.value.message


async def test_arguments_and_the_value_are_json_data(call):
    given = {"a": [1, 1.5, None, True, {"ü": "\ud800"}], "b": "x" * 300_000}
    assert await call("def f(**given): return given, [given['a']]", **given) == [given, [given["a"]]]


async def test_what_runs_is_the_text_that_was_stored_beside_modules_as_they_are(call, project):
    (project / "lib/other.py").write_text("VALUE = 3")
    (project / "near.py").write_text("VALUE = 4")
    text = "import near\nfrom .other import VALUE\ndef f(): return VALUE, near.VALUE, __name__, __file__"
    assert await call(text) == [3, 4, "lib.m", str(project / "lib/m.py")]
    assert not list(project.rglob("__pycache__"))


async def test_an_async_function_is_awaited(call):
    assert await call("import asyncio\nasync def f(x): return await asyncio.sleep(0, x)", x=5) == 5


async def test_what_is_printed_by_any_way_does_not_get_into_the_value(call):
    text = """
import os, subprocess, sys
def f():
    print('{"value": 1}')
    sys.__stdout__.write('{"value": 2}')
    os.write(1, b'{"value": 3}')
    subprocess.run(["echo", "{}"], check=True)
    return "mine"
"""
    assert await call(text) == "mine"


async def test_the_function_reads_an_empty_input(call):
    assert await call("import sys, os\ndef f(): return [sys.stdin.read(), os.read(0, 10).decode()]") == ["", ""]


async def test_its_environment_is_small_and_it_runs_where_it_is_told_to(call, project, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    text = "import os, sys\ndef f(): return dict(os.environ), os.getcwd(), sys.path"
    environ, folder, path = await call(text, env={"MINE": "1", "PYTHONPATH": str(project / "elsewhere")})
    assert environ["MINE"] == "1"
    assert "SECRET_TOKEN" not in environ
    assert folder == str(project / "elsewhere")
    assert path[0] == str(project)
    assert str(project / "elsewhere") not in path


async def test_an_exception_is_told_with_its_type_message_and_line(call):
    text = "import json\ndef g(x):\n    return json.loads(x)\ndef f(x):\n    print('so far'); return g(x)\n"
    told = await failure_of(call(text, x="{"))
    assert told.startswith("`lib/m.py:f` raised json.decoder.JSONDecodeError: Expecting")
    assert "(lib/m.py:3: `return json.loads(x)`)" in told
    assert told.endswith("It printed:\nso far")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(): raise SystemExit(3)", "raised SystemExit: 3 (lib/m.py:1"),
        ("def f(): raise KeyboardInterrupt", "raised KeyboardInterrupt (lib/m.py:1"),
        ("def f(: pass", "raised SyntaxError: invalid syntax (m.py, line 1) (lib/m.py:1"),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found' (lib/m.py:1"),
        ("def g(): pass", "has no attribute 'f'"),
        ("def f(x): pass", "missing 1 required positional argument: 'x'"),
        ("class E(Exception):\n  def __str__(self): return 1/0\ndef f(): raise E", "its message cannot be had"),
        ("def f(): raise ValueError('\\x1b[31m red')", "raised ValueError: \\x1b[31m red"),
        ("def f(): f()", "raised RecursionError: maximum recursion depth"),
        ("import os\ndef f(): os._exit(3)", "ended its process with exit code 3"),
        ("import os\ndef f(): os._exit(0)", "ended its process with exit code 0, and gave no value"),
        ("import os, signal\ndef f(): os.kill(os.getpid(), 9)", "ended its process with exit code 137"),
        ("import os\ndef f(): os.closerange(0, 100)", "ended its process with exit code"),
        ("def f(): return float('nan')", "must return JSON data: the return value is nan"),
        ("def f(): return {'a': [1, float('-inf')]}", "the return value['a'][1] is -inf"),
        ("def f(): return {1: 2}", "has the key 1, and the keys of JSON are texts"),
        ("def f(): return {'a': {1, 2}}", "the return value['a'] is of the type set"),
        ("def f(): return b'x'", "the return value is of the type bytes"),
        ("def f(): yield 1", "the return value is of the type generator"),
        ("def f():\n  a = []; a.append(a); return a", "nested more than 100 levels deep, or holds itself"),
        ("def f(): return 10 ** 5000", "a whole number of hundreds of digits"),
        ("def f(): return 'x' * (11 << 20)", "returned over 10 MB"),
    ],
)
async def test_what_gives_no_value_is_told(call, text, told):
    assert told in await failure_of(call(text))


async def test_arguments_that_are_no_json_never_reach_the_function(call):
    assert "are no JSON data" in await failure_of(call("def f(x): return x", x=float("nan")))


async def test_tuples_and_kinds_of_texts_and_numbers_count_as_what_they_are(call):
    text = """
import collections, enum
class Colour(str, enum.Enum): RED = "red"
class Level(enum.IntEnum): HIGH = 3
Point = collections.namedtuple("Point", "x y")
def f(): return collections.OrderedDict(a=Colour.RED, b=Level.HIGH, c=Point(1, True))
"""
    assert await call(text) == {"a": "red", "b": 3, "c": [1, True]}


async def test_a_child_that_a_fork_let_come_back_answers_nothing(call):
    text = """
import os
def f():
    child = os.fork()
    if child: os.waitpid(child, 0)
    return "parent" if child else "child"
"""
    assert await call(text) == "parent"


async def test_endless_printing_ends_with_the_time_and_is_shown_from_its_end(call):
    told = await failure_of(call("def f():\n  while True: print('more and more')", timeout=2.0))
    assert told.startswith("`lib/m.py:f` did not end within 2 s; raise `timeout`")
    assert len(told) < 3_000


WITH_A_CHILD = """
import os, subprocess, time
def f():
    child = subprocess.Popen(["sleep", "1000"])
    with open("child.tmp", "w") as file: file.write(str(child.pid))
    os.rename("child.tmp", "child")
    {rest}
"""


async def test_out_of_time_nothing_is_left_that_it_started(call, project):
    with pytest.raises(FunctionFailed) as failed:
        await call(WITH_A_CHILD.format(rest="time.sleep(1000)"), timeout=3.0)
    assert failed.value.timed_out
    await until(lambda: not alive(project / "elsewhere/child"))


async def test_a_cancelled_call_leaves_nothing_behind(call, project):
    running = asyncio.create_task(call(WITH_A_CHILD.format(rest="time.sleep(1000)")))
    await until((project / "elsewhere/child").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not alive(project / "elsewhere/child"))


async def test_what_it_left_running_is_ended_with_it(call, project):
    assert await call(WITH_A_CHILD.format(rest="return 1")) == 1
    await until(lambda: not alive(project / "elsewhere/child"))


async def test_the_answers_way_is_not_handed_on_to_what_it_starts(call):
    text = """
import subprocess
def f(): return subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False).stdout
"""
    listed = await call(text)
    assert sorted(line.split()[-3] for line in listed.splitlines()[1:]) == ["0", "1", "2", "3"]  # 3: of `ls` itself


def test_the_worker_answers_alone_in_a_line(tmp_path):
    # Started as the call starts it, but read by hand: one line of JSON, and nothing else.
    import subprocess
    import sys

    from agentflow.tools import functions

    request = {"folder": str(tmp_path), "path": "m.py", "module": "m", "function": "f", "text": "def f(): print(1)"}
    done = subprocess.run(
        [sys.executable, "-I", "-B", functions._WORKER],
        input=json.dumps({**request, "arguments": {}}),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout == '{"value": null}\n'
    assert done.stderr == "1\n"
