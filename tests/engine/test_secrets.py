"""Secrets of a run: what commands get, what is recorded, and what becomes of steps that lack one."""

import asyncio
import base64
from collections.abc import Callable

import pytest

from agentflow.engine.secrets import Secrets
from agentflow.events.run_events import CommandCalled, StepFinished
from agentflow.events.session_events import SessionStarted
from tests.engine.doubles import CrashError, Setting, reply, until

TOKEN = "sesame-opens-the-door"

ONE = """
secrets: [TOKEN]
steps:
  a: {run: 'echo "$T"; echo "$T" >&2', env: {T: "<{{ secrets.TOKEN }}>"}}
outputs: {a: steps.a.output}
"""


def journal_of(setting: Setting) -> bytes:
    setting.sqlite.close()
    return b"".join(path.read_bytes() for path in setting.folder.joinpath("journal").iterdir())


async def test_a_command_gets_the_value_and_the_journal_its_name(setting: Callable[..., Setting]):
    run = setting(
        """
        secrets: [TOKEN]
        env: {WHOLE: "{{ secrets.TOKEN }}"}
        steps:
          a:
            run: 'echo "$WHOLE"; echo "$T"; echo "${#WHOLE} ${#T}"'
            env: {T: "<{{ secrets.TOKEN }}>"}
        outputs: {a: steps.a.output}
        """,
        around={"secrets": {"TOKEN": TOKEN}},
    )
    assert await run.outputs() == {"a": f"[secret TOKEN]\n<[secret TOKEN]>\n{len(TOKEN)} {len(TOKEN) + 2}"}
    assert TOKEN.encode() not in journal_of(run)
    assert not [event for _, event in run.heard if TOKEN in repr(event)]


@pytest.mark.parametrize(
    "script",
    [
        'echo "$T" >&2; exit 3',
        'echo "$T"; exit 3',
        'head -c 4000 /dev/zero | tr "\\0" x >&2; echo "$T" >&2; head -c 1990 /dev/zero | tr "\\0" x >&2; exit 3',
        'echo "$T" >&2; sleep 60',
    ],
)
async def test_the_message_of_a_failure_has_no_value(setting: Callable[..., Setting], script: str):
    text = ONE.replace('echo "$T"; echo "$T" >&2', script).replace("<{{", "{{").replace("}}>", "}}")
    run = setting(text.replace("}}\n", "}, timeout: 500ms}\n", 1), around={"secrets": {"TOKEN": TOKEN}})
    await run.failure()
    assert TOKEN.encode() not in journal_of(run)
    assert b"the-door" not in journal_of(run)


async def test_what_json_says_is_redacted_and_not_how_it_is_written(setting: Callable[..., Setting]):
    run = setting(
        """
        secrets: [QUOTED, NUMBER]
        steps:
          a:
            run: [cat, said.json]
            parse: json
            env: {A: "{{ secrets.QUOTED }}{{ secrets.NUMBER }}"}
        outputs: {a: steps.a.output}
        """,
        around={"secrets": {"QUOTED": 'a"b\\c"d', "NUMBER": "987654321"}},
    )
    (run.folder / "said.json").write_text(r'{"x": ["<a\"b\\c\"d>", 987654321, 12, true], "987654321": null}')
    said = {"x": ["<[secret QUOTED]>", "[secret NUMBER]", 12, True], "[secret NUMBER]": None}
    assert await run.outputs() == {"a": said}


async def test_a_step_without_its_secret_fails_before_anything_of_it_runs(setting: Callable[..., Setting]):
    run = setting(ONE)
    assert await run.failure() == "secret_missing"
    assert run.events(CommandCalled) == []
    (ended,) = run.events(StepFinished)
    assert "`TOKEN` has no value" in ended.failure.message
    assert "TOKEN=@FILE" in ended.failure.message


async def test_an_agent_whose_tools_need_a_secret_does_not_begin_without_it(setting: Callable[..., Setting]):
    run = setting(
        """
        secrets: [TOKEN]
        tools:
          look: {description: Looks., run: [ls], env: {T: "{{ secrets.TOKEN }}"}, effects: none}
        agents:
          below: {description: Looks., tools: [look]}
        steps:
          a: {agent: {tools: [Agent(below)]}, prompt: Hi, on_error: continue, if_skipped: "none"}
          b: {agent: {}, prompt: Hi}
        outputs: {a: steps.a.status, b: steps.b.output}
        """
    )
    assert await run.outputs() == {"a": "failed", "b": "done"}
    assert [started.step for started in run.events(SessionStarted)] == ["b"]


async def test_a_person_is_asked_once_for_a_secret_when_a_step_that_uses_it_starts(setting: Callable[..., Setting]):
    asked: list[str] = []
    first_done = asyncio.Event()

    async def ask(name: str) -> str:
        asked.append(name)
        await first_done.wait()
        return TOKEN

    run = setting(
        """
        secrets: [TOKEN]
        steps:
          first: {run: [echo, x]}
          a: {run: 'echo "$T"', env: {T: "{{ secrets.TOKEN }}"}}
          b: {run: 'echo "$T"', env: {T: "{{ secrets.TOKEN }}"}}
          c: {run: 'echo "$T"', env: {T: "{{ secrets.TOKEN }}"}, when: "false or steps.first.output == 'y'"}
        outputs: {a: steps.a.output, b: steps.b.output}
        """,
        around={"ask_secret": ask},
    )

    async def wait(_engine: object) -> None:
        await until(lambda: bool(run.events(StepFinished)))
        first_done.set()

    await run.run(wait)
    assert asked == ["TOKEN"]
    outputs = {ended.step: ended.output for ended in run.events(StepFinished)}
    assert outputs == {"first": "x", "a": "[secret TOKEN]", "b": "[secret TOKEN]", "c": None}
    assert TOKEN.encode() not in journal_of(run)


async def test_a_person_who_gives_no_value_has_the_step_fail(setting: Callable[..., Setting]):
    async def ask(_name: str) -> None:
        return None

    assert await setting(ONE, around={"ask_secret": ask}).failure() == "secret_missing"


async def test_a_run_that_is_interrupted_while_it_asks_can_go_on(setting: Callable[..., Setting]):
    asking = asyncio.Event()

    async def ask(_name: str) -> str:
        asking.set()
        await asyncio.Event().wait()
        raise AssertionError

    run = setting(ONE, around={"ask_secret": ask})

    async def interrupt(engine) -> None:
        await asking.wait()
        engine.interrupt()

    assert (await run.run(interrupt)).status == "interrupted"
    run.around = {"secrets": {"TOKEN": TOKEN}}
    assert await run.outputs() == {"a": "<[secret TOKEN]>"}


async def test_a_command_that_a_crash_cut_off_wants_its_secret_again(setting: Callable[..., Setting]):
    run = setting(ONE.replace('}}>"}', '}}>"}, effects: none'), around={"secrets": {"TOKEN": TOKEN}})
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    run.around = {}
    assert await run.failure() == "secret_missing"


async def test_models_are_not_shown_what_tools_print_of_a_secret(setting: Callable[..., Setting]):
    from agentflow.tools.toolbox import Toolbox

    text = """
        secrets: [TOKEN, OTHER]
        env: {WHOLE: "{{ secrets.OTHER }}"}
        tools:
          look: {description: Looks., run: [sh, -c, 'echo $T $WHOLE'], env: {T: "{{ secrets.TOKEN }}"}, effects: none}
        steps:
          a: {agent: {tools: [look, Bash, Read]}, prompt: Hi}
        outputs: {a: steps.a.output}
        """
    run = setting(text, around={"secrets": {"TOKEN": TOKEN, "OTHER": "another-value"}})
    run.tools = Toolbox(run.plan.tools)
    (run.folder / "noted.txt").write_text(f"it is {TOKEN}\n")
    calls = [
        ("1", "look", {}),
        ("2", "Bash", {"command": 'echo "$WHOLE$T"'}),
        ("3", "Read", {"file_path": "noted.txt"}),
    ]

    def answer(request):
        if request.turn == 1:
            return reply("", *calls)
        return reply("|".join(str(block["content"]) for block in request.messages[-1]["content"]))

    run.model.answer = answer
    said = (await run.outputs())["a"]
    assert said.count("[secret TOKEN]") == 2
    assert said.count("[secret OTHER]") == 2
    for request in run.model.requests:
        assert TOKEN not in repr(request)
        assert "another-value" not in repr(request)
    written = journal_of(run)
    assert TOKEN.encode() not in written
    assert b"another-value" not in written


@pytest.mark.parametrize(
    ("value", "text", "seen"),
    [
        ("secret-1", "x secret-1 y secret-1", "x [secret A] y [secret A]"),
        ("12345", "12345", "12345"),
        ("päss/wörd", "p%C3%A4ss%2Fw%C3%B6rd", "[secret A]"),
        ("päss/wörd", r"{" '"' r"p\u00e4ss/w\u00f6rd" '"' "}", '{"[secret A]"}'),
        ("secret-1", base64.b64encode(b"secret-1").decode(), "[secret A]"),
        ("-----BEGIN-----\nabcdefgh\n-----END-----\n", "x abcdefgh y", "x [secret A] y"),
        ("  padded-value\n", "padded-value", "[secret A]"),
        ("a.b*c(d", "a.b*c(d aXbbc(d", "[secret A] aXbbc(d"),
        (
            "secret-value",
            "x secret-\n[… 1,234 bytes cut …]\nt-value y",
            "x [secret A]\n[… 1,234 bytes cut …]\n[secret A] y",
        ),
        ("secret-value", "sec\n[… 12 characters cut …]\nlue", "sec\n[… 12 characters cut …]\nlue"),
        ("\udcffabcdefg", "\ufffdabcdefg", "[secret A]"),
    ],
)
def test_a_value_is_found_however_it_is_written(value: str, text: str, seen: str):
    assert Secrets({"A": value}).redacted(text) == seen


def test_the_longer_of_two_values_is_found_first():
    secrets = Secrets({"SHORT": "abcdef", "LONG": "abcdefghi"})
    assert secrets.redacted("abcdefghi abcdef") == "[secret LONG] [secret SHORT]"


def test_without_secrets_nothing_is_touched():
    data = {"a": ["[… 12 bytes cut …]", 1.5, None]}
    assert Secrets({}).redacted_data(data) is data
    assert Secrets({}).redacted("text") == "text"
