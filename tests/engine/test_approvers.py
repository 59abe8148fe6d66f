"""Gates that only people in some role may answer, and others when nobody has for a while."""

import pytest

from agentflow.engine.people import say_yes
from agentflow.engine.port import Answer
from agentflow.errors import JournalError
from agentflow.events.operator_events import GateEscalated
from agentflow.events.run_events import GateAnswered
from agentflow.guard.entitlements import PolicyError, check_plan, entitlements
from agentflow.plan.policies import read_policy
from tests.builders import plan_of
from tests.engine.doubles import RUN, STARTED_AT, Clock, until

POLICY = b"""
agentflow: 1
users: {ada: {roles: [editor]}, bob: {roles: [chief, editor]}, eve: {roles: [clerk]}, mel: {}}
roles: {editor: {may_approve: true}, chief: {may_approve: true}, clerk: {}}
"""
GATE = """
steps:
  g: {approve: Go on?, from: [editor], escalate: {after: 2h, to: [chief]}, timeout: 24h}
"""


def entitled(user):
    policy, problems = read_policy(POLICY, "policy.yaml")
    assert policy is not None, problems
    return entitlements(policy, "policy.yaml", user, None)


def answer(run, by, at=2_000.0, roles=None):
    known = entitled(by).may_approve(by) if roles is None else roles
    return run.sqlite.answer(RUN, "g", approved=True, by=by, comment=None, at=at, roles=known)


async def test_who_has_not_the_role_is_refused_by_name_and_who_has_it_is_not(setting):
    run = setting(GATE, around={"entitled": entitled("mel"), "user": "mel", "clock": Clock()})
    assert (await run.run()).status == "waiting"
    for nobody in ("mel", "eve"):
        with pytest.raises(JournalError, match=f"is for `editor` to answer, and {nobody} has not that role"):
            answer(run, nobody)
    assert answer(run, "ada").by == "ada"
    assert (await run.run()).finished.status == "done"


async def test_after_a_while_others_may_answer_too_whether_or_not_a_process_is_there(setting):
    clock = Clock()
    run = setting(GATE, around={"entitled": entitled("mel"), "user": "mel", "clock": clock})
    await run.run()
    only_chief = frozenset({"chief"})
    with pytest.raises(JournalError, match="for `editor` to answer"):
        answer(run, "bob", STARTED_AT + 7_199, only_chief)
    assert answer(run, "bob", STARTED_AT + 7_200, only_chief).by == "bob"


async def test_an_escalation_is_told_once_also_by_a_process_that_comes_later(setting):
    clock = Clock()
    run = setting(GATE, around={"entitled": entitled("mel"), "user": "mel", "clock": clock})
    await run.run()
    clock.now += 7_201

    async def wait(engine):
        await until(lambda: bool(run.events(GateEscalated)))

    run.around["ask"] = None
    await run.run(wait)
    await run.run()
    assert [(event.step, event.to) for event in run.events(GateEscalated)] == [("g", ("chief",))]
    assert run.sqlite.gates(RUN)[0].approved is None


@pytest.mark.parametrize(("user", "asked"), [("ada", True), ("mel", False), ("eve", False)])
async def test_who_sits_there_is_asked_only_in_a_role_that_may_answer(setting, user, asked):
    async def ask(gate):
        return Answer(True, user)

    run = setting(GATE, around={"entitled": entitled(user), "user": user, "ask": ask, "clock": Clock()})
    outcome = await run.run()
    assert (outcome.status == "finished") is asked
    assert bool(run.events(GateAnswered)) is asked


async def test_yes_to_everything_is_no_yes_of_a_role_that_one_has_not(setting):
    run = setting(GATE, around={"entitled": entitled("mel"), "user": "mel", "ask": say_yes, "clock": Clock()})
    assert (await run.run()).status == "waiting"


@pytest.mark.parametrize("role", ["clerk", "boss"])
def test_a_gate_that_nobody_could_answer_keeps_a_run_from_beginning(role):
    plan = plan_of(f"steps: {{g: {{approve: x, from: [{role}]}}}}")
    with pytest.raises(PolicyError, match=f"wants the role `{role}`, which the policy lets nobody approve in"):
        check_plan(plan, entitled("ada"))
    with pytest.raises(PolicyError, match="there is no policy that says who has it"):
        check_plan(plan, None)
