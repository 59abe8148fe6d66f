"""Crashes around rests, questions and reruns: whoever resumes comes to the same end."""

import pytest

from agentflow.engine.port import Answer
from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished, StepReset, StepStarted
from agentflow.events.session_events import SessionStarted
from tests.engine.doubles import CrashError, ModelDouble, others, prompt_of, reply, until

WHOLE = """
agents: {judge: {output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}}}
steps:
  today: {run: 'echo x >> days; echo day', effects: none, on_resume: rerun}
  each:
    for_each: "[1, 2, 3]"
    parallel: 2
    steps:
      flaky: {agent: judge, prompt: "item {{ item }}", timeout: 1m, retry: {attempts: 3, backoff: 1ms}}
      said: {value: "steps.flaky.output.ok"}
    output: steps.said.output
  whole:
    retry: {attempts: 2, backoff: 1ms}
    steps:
      one: {run: 'echo one', effects: none}
      two: {run: 'test -e two || { touch two; exit 1; }', effects: none, needs: [one]}
    output: steps.one.output
  who:
    ask: "Who is it {{ steps.each.output }}?"
    output: {type: object, properties: {name: {type: string}, age: {type: integer, default: 7}}, required: [name]}
  last: {value: "[steps.today.output, steps.who.output.name, steps.who.output.age, steps.whole.output]"}
outputs: {last: steps.last.output}
"""
EXPECTED = {"last": ["day", "ada", 7, "one"]}


def whole(setting):
    tried: dict[str, int] = {}

    def answer(request):
        prompt = prompt_of(request)
        tried[request.session] = tried.get(request.session, 0) + 1
        return reply("no JSON" if prompt == "item 2" and "#" not in request.session else '{"ok": true}')

    return setting(WHOLE, model=ModelDouble(answer), around={"ask": give_name})


async def give_name(gate):
    return Answer(True, "ada", answers={"name": "ada"})


async def test_the_whole_way_without_a_crash(setting):
    run = whole(setting)
    assert await run.outputs() == EXPECTED
    assert run.events(GateAnswered)[0].answers == {"name": "ada", "age": 7}
    assert [event.attempt for event in run.events(StepStarted) if event.step == "whole"] == [1, 2]


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_at_any_record_and_a_resume_come_to_the_same_outputs(setting, recorded):
    probe = whole(setting)
    await probe.run()
    for crash_at in range(len(probe.journal.appended) + 1):
        run = whole(setting)
        (run.folder / "two").unlink(missing_ok=True)
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        try:
            await run.run()
        except CrashError:
            assert others() == set()
        run.journal.crash_at = None
        if not run.events(RunFinished):
            assert await run.outputs() == EXPECTED, f"crashed at {crash_at}"
        starts = [event.attempt for event in run.events(StepStarted) if event.step == "each[1].flaky"]
        assert starts == [1, 2], "a crash is no attempt"
        assert len(run.events(SessionStarted)) == 4
        run.sqlite.close()


async def test_an_open_question_waits_through_pauses_and_is_answered_from_elsewhere(setting):
    run = whole(setting)
    del run.around["ask"]
    for _ in range(2):
        outcome = await run.run()
        assert (outcome.status, outcome.waiting) == ("waiting", ("who",))
    assert len(run.events(GateOpened)) == 1
    run.sqlite.answer("run-1", "who", approved=True, by="ada", comment=None, at=2.0, answers={"name": "ada", "age": 7})
    assert await run.outputs() == EXPECTED
    assert len(run.events(StepReset)) == 2, "each resume looked anew, as long as nothing had used it"
    assert (run.folder / "days").read_text() == "x\n" * 3


async def test_a_rerun_is_looked_at_once_more_and_what_used_it_stays(setting):
    run = setting(
        """
        steps:
          today: {run: 'echo x >> days; wc -l < days', effects: none, on_resume: rerun}
          ok: {approve: Go on?}
          use: {value: "steps.today.output | int", needs: [ok]}
          more: {approve: "Go on with {{ steps.use.output }}?"}
          end: {value: "steps.today.output | int", needs: [more]}
        outputs: {used: steps.use.output, end: steps.end.output}
        """.replace("approve: Go on?", "approve: Go on?, on_reject: continue").replace(
            '?"}', '?", on_reject: continue}'
        )
    )
    for gate in ("ok", "more"):
        assert (await run.run()).status == "waiting"
        run.sqlite.answer("run-1", gate, approved=True, by="ada", comment=None, at=2.0)
    assert await run.outputs() == {"used": 2, "end": 2}


async def test_an_answer_that_does_not_fit_stops_the_run_which_can_be_resumed(setting):
    from agentflow.errors import UsageError

    run = whole(setting)

    async def wrong(gate):
        return Answer(True, "ada", answers={"name": 3})

    run.around["ask"] = wrong
    with pytest.raises(UsageError, match=r"the answer does not fit: \S*name must be text"):
        await run.run()
    assert others() == set()
    run.around["ask"] = give_name
    assert await run.outputs() == EXPECTED


async def test_who_cannot_answer_a_question_leaves_it_open(setting):
    run = whole(setting)

    async def cannot(gate):
        return None

    run.around["ask"] = cannot
    assert (await run.run()).waiting == ("who",)
    assert others() == set()


async def test_a_question_that_nobody_answers_in_time_fails(setting):
    run = setting("steps: {q: {ask: What?, timeout: 30ms}}", around={"ask": never})
    assert await run.failure() == "timeout"
    assert others() == set()


async def never(gate):
    await until(lambda: False)
