"""Caps of a user and a tenant: however many subagents, days and restarts there are, no cap is passed."""

import random
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from agentflow.engine.drive import drive
from agentflow.engine.live import Live
from agentflow.engine.port import Surroundings
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.run_events import RunFinished, RunResumed
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied, ToolCalled
from agentflow.events.values import Usage
from agentflow.guard.entitlements import entitlements
from agentflow.guard.money import NANO, nano
from agentflow.plan.policies import read_policy
from tests.builders import run_started
from tests.engine.doubles import RUN, Clock, CrashError, ModelDouble, reply

TODAY = "2026-11-21"

POLICY = """
agentflow: 1
time_zone: {zone}
tenants: {{acme: {{cost_usd: {tenant}}}}}
users: {{ada: {{tenant: acme, cost_usd: {user}}}}}
"""

ONE = "limits: {cost_usd: 100}\nsteps: {a: {agent: {max_tokens: 2048}, prompt: x}}"

FLOCK = """
limits: {parallel: 200, agents: 1000, turns: 10000, cost_usd: 100}
agents:
  lead: {tools: ["Agent(helper)"], stop: {failed_calls: 10000}}
  helper: {description: Helps., max_tokens: 8192}
steps: {a: {agent: lead, prompt: go}}
"""


def entitled(tenant="{}", user="{}", zone="UTC"):
    policy, problems = read_policy(POLICY.format(tenant=tenant, user=user, zone=zone).encode(), "policy.yaml")
    assert policy is not None, problems
    return entitlements(policy, "policy.yaml", "ada", None)


def under(tenant="{}", user="{}", zone="UTC", clock=None):
    return {"entitled": entitled(tenant, user, zone), "clock": clock or Clock(at(f"{TODAY}T12:00:00"))}


def costs(run):
    return sum(nano(event.cost_usd) for event in run.events() if isinstance(event, ModelReplied))


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone) if zone != "UTC" else UTC).timestamp()


async def test_two_hundred_subagents_race_for_one_cap_and_use_nine_tenths_of_it_and_not_a_cent_more(setting):
    chance = random.Random(7)

    def answer(request):
        if request.agent == "helper":
            return reply("x", usage=Usage(900, chance.randint(50, request.max_tokens)))
        calls = [
            (f"c{n}", "Agent", {"subagent_type": "helper", "prompt": str(n), "description": "d"}) for n in range(200)
        ]
        return reply("", *calls)

    cap = 2.00
    run = setting(FLOCK, model=ModelDouble(answer), around=under(tenant=f"{{per_day: {cap}}}"))
    finished = (await run.run()).finished
    spent = costs(run)
    asked = sum(isinstance(event, ModelReplied) for event in run.events())
    refused = len(run.engine.exhausted)
    print(f"spent ${spent / NANO:.6f} of ${cap:.2f} ({spent / NANO / cap:.1%}), {asked} replies, {refused} refused")
    assert finished.failure.kind == "cost_usd"
    assert finished.held
    assert "the tenant 'acme' has $" in finished.failure.message
    assert 0.9 * cap * NANO <= spent <= cap * NANO
    assert refused >= 1
    assert asked + refused <= 201
    assert run.sqlite.charged("tenant", "acme", TODAY) == spent
    assert sum(one.cost_usd for one in run.sqlite.spending(("tenant",), only={"tenant": ""})) == spent / NANO


async def test_a_run_goes_on_where_it_was_held_once_its_cap_is_whole_again(setting):
    clock = Clock(at("2026-11-21T23:00:00"))
    run = setting(
        "limits: {cost_usd: 100}\nsteps: {a: {agent: {max_tokens: 1024, tools: [Glob]}, prompt: x}}",
        model=ModelDouble(
            lambda request: (
                reply("", ("g", "Glob", {"pattern": "*"}), usage=Usage(1000, 1000))
                if request.turn == 1
                else reply("done", usage=Usage(1000, 500))
            )
        ),
        around=under(user="{per_day: 0.02}", clock=clock),
    )
    finished = (await run.run()).finished
    assert finished.held
    assert finished.until == at("2026-11-22T00:00:00")
    assert "the user 'ada' has $" in finished.failure.message
    assert "for today (2026-11-21)" in finished.failure.message
    clock.now = at("2026-11-22T00:00:00") - 1
    assert (await run.run()).finished.held
    clock.now += 2
    done = (await run.run()).finished
    assert done.status == "done", done.failure
    # The conversation was not begun anew: each turn was asked for once.
    assert [event.turn for event in run.events(ModelReplied)] == [1, 2]
    assert [event.day for event in run.events(ModelCalled)] == [TODAY, "2026-11-22"]


@pytest.mark.parametrize("cap", [0, 0.005])
async def test_a_cap_that_no_call_fits_in_is_not_said_to_be_enough_later(setting, cap):
    run = setting(ONE, around=under(user=f"{{per_day: {cap}}}"))
    told = (await run.run()).finished.failure.message
    assert "the operator has to raise it" in told
    assert "whole again" not in told


async def test_a_call_counts_on_the_day_on_which_it_went_out(setting):
    clock = Clock(at("2026-12-01T00:30:00", "Europe/Berlin") - 1800 - 1)

    def answer(_request):
        clock.now += 2
        return reply("x", usage=Usage(1000, 1000))

    around = under(user="{per_month: 1}", zone="Europe/Berlin", clock=clock)
    run = setting(ONE, model=ModelDouble(answer), around=around)
    assert (await run.run()).finished.status == "done"
    cost = costs(run)
    assert run.events(ModelCalled)[0].day == "2026-11-30"
    assert [run.sqlite.charged("user", "ada", period) for period in ("2026-11-30", "2026-11", "2026-12")] == [
        cost,
        cost,
        0,
    ]


async def test_what_a_run_held_and_did_not_use_goes_back_at_its_end(setting):
    run = setting(ONE, around=under(tenant="{per_day: 50}", user="{per_day: 50}"))
    assert (await run.run()).finished.status == "done"
    assert run.sqlite.charged("tenant", "acme", TODAY) == costs(run) > 0
    assert run.sqlite.charged("user", "ada", "2026-11") == costs(run)


@pytest.mark.parametrize("survived", [True, False])
async def test_what_a_crashed_run_held_stays_charged_and_after_a_loss_of_power_for_good(setting, survived):
    run = setting(ONE, around=under(tenant="{per_day: 50}"))
    run.journal.crash_at, run.journal.recorded = 1, False
    with pytest.raises(CrashError):
        await run.run()
    held = run.sqlite.held_money(RUN)[TODAY]
    assert run.sqlite.charged("tenant", "acme", TODAY) == held == nano(0.5)
    run.journal.crash_at = None
    take = run.sqlite.take
    run.journal.take = lambda name: replace(take(name), survived=survived)
    assert (await run.run()).finished.status == "done"
    settled = round(sum(one.cost_usd for one in run.sqlite.spending(())) * NANO)
    lost = 0 if survived else held - nano(run.events(ModelFailed)[0].charged_usd)
    charged = sum(nano(event.charged_usd) for event in run.events(ModelFailed)) + costs(run) + lost
    assert run.sqlite.charged("tenant", "acme", TODAY) == settled == charged


async def test_a_share_that_is_taken_is_told_once(setting):
    run = setting(
        FLOCK.replace("8192", "1024"),
        model=ModelDouble(
            lambda request: (
                reply("x", usage=Usage(900, 500))
                if request.agent == "helper"
                else reply(
                    "",
                    *[
                        (f"c{n}", "Agent", {"subagent_type": "helper", "prompt": str(n), "description": "d"})
                        for n in range(40)
                    ],
                )
            )
        ),
        around=under(tenant="{per_day: 1.00, warn_at: 10%}"),
    )
    await run.run()
    (warned,) = run.events(BudgetWarned)
    assert (warned.whose, warned.name, warned.period, warned.cap_usd) == ("tenant", "acme", "day", 1.0)
    assert warned.used_usd >= 0.1


async def test_a_budget_that_was_raised_goes_on_where_the_run_was_held(setting):
    run = setting(
        "limits: {cost_usd: 0.025, warn_at: 50%}\nsteps: {a: {agent: {max_tokens: 2048}, prompt: x}, b: {needs: [a],"
        " agent: {max_tokens: 2048}, prompt: y}}\noutputs: {b: steps.b.output}",
        model=ModelDouble(lambda request: reply("said", usage=Usage(1000, min(request.max_tokens, 1500)))),
    )
    finished = (await run.run()).finished
    assert (finished.status, finished.failure.kind, finished.held, finished.until) == (
        "failed",
        "cost_usd",
        True,
        None,
    )
    assert [event.whose for event in run.events(BudgetWarned)] == ["run"]
    run.around["limits"] = {"cost_usd": 1.0}
    done = (await run.run()).finished
    assert (done.status, done.outputs) == ("done", {"b": "said"})
    assert len(run.events(ModelReplied)) == 2
    assert run.events(RunResumed)[0].limits == {"cost_usd": 1.0}
    assert len(run.events(RunFinished)) == 2


async def test_a_cap_that_was_lowered_meanwhile_holds_and_one_that_was_raised_lets_go(setting):
    text = ONE.replace("x}", "x}, b: {needs: [a], agent: {max_tokens: 1024}, prompt: y}")
    run = setting(text, model=ModelDouble(lambda request: reply("x", usage=Usage(1000, 900))))
    run.around = under(user="{per_day: 0.02}")
    assert (await run.run()).finished.held
    spent = costs(run)
    run.around = under(user="{per_day: 0.001}")
    finished = (await run.run()).finished
    assert finished.held
    assert "the user 'ada' has $0.0000 left of $0.0010" in finished.failure.message
    assert costs(run) == spent
    run.around = under(user="{per_day: 5}")
    assert (await run.run()).finished.status == "done"
    assert run.sqlite.charged("user", "ada", TODAY) == costs(run) > spent


async def test_a_policy_that_came_later_counts_what_was_spent_before_it(setting):
    clock = Clock(at(f"{TODAY}T12:00:00"))
    text = ONE.replace("x}", "x}, b: {needs: [a, g], agent: {max_tokens: 1024}, prompt: y}, g: {approve: Go on?}")
    run = setting(text, model=ModelDouble(lambda request: reply("x", usage=Usage(1000, 900))), around={"clock": clock})
    assert (await run.run()).status == "waiting"
    run.journal.answer(RUN, "g", approved=True, by="ada", comment=None, at=clock.now)
    # The run was begun without anybody's name; its user is charged from now on.
    run.around = under(user="{per_day: 0.005}", clock=clock)
    finished = (await run.run()).finished
    assert finished.held
    assert finished.until == at("2026-11-22T00:00:00")


async def test_past_midnight_a_run_takes_of_the_new_day_and_gives_back_the_old(setting):
    clock = Clock(at(f"{TODAY}T23:59:50"))

    def answer(request):
        clock.now += 20
        return reply("", (f"g{request.turn}", "Glob", {"pattern": "*"})) if request.turn < 3 else reply("done")

    text = "limits: {cost_usd: 100}\nsteps: {a: {agent: {max_tokens: 1024, tools: [Glob]}, prompt: x}}"
    run = setting(text, model=ModelDouble(answer), around=under(tenant="{per_day: 1, per_month: 2}", clock=clock))
    assert (await run.run()).finished.status == "done"
    first, *rest = run.events(ModelReplied)
    assert run.sqlite.charged("tenant", "acme", TODAY) == nano(first.cost_usd)
    assert run.sqlite.charged("tenant", "acme", "2026-11-22") == sum(nano(one.cost_usd) for one in rest)
    assert run.sqlite.charged("tenant", "acme", "2026-11") == costs(run)


async def test_a_users_rate_holds_calls_of_all_runs_back(setting):
    policy, _ = read_policy(b"agentflow: 1\nusers: {ada: {}}\nrate_limits: {Glob: 2/s}\n", "policy.yaml")
    calls = [(f"c{n}", "Glob", {"pattern": str(n)}) for n in range(3)]
    run = setting(
        "steps: {a: {agent: {tools: [Glob]}, prompt: x}}",
        model=ModelDouble(lambda request: reply("", *calls) if request.turn == 1 else reply("done")),
        around={"entitled": entitlements(policy, "policy.yaml", "ada", None)},
    )
    begun = time.time()
    # Another run of the user's, on the same journal, has just called it once.
    assert run.sqlite.begin_call("ada", "Glob", 2, 1.0, begun) is None
    assert (await run.run()).finished.status == "done"
    starts = sorted([begun, *(event.at for event in run.events(ToolCalled))])
    assert len(starts) == 4
    assert all(later - earlier >= 0.999 for earlier, later in zip(starts, starts[2:], strict=False))


@pytest.mark.parametrize("stays", [True, False])
async def test_who_wants_to_wait_goes_on_by_itself_when_the_cap_is_whole_again(setting, stays):
    midnight, heard = at("2026-11-22T00:00:00"), []

    def clock():
        return midnight + (1 if any(isinstance(event, RunFinished) for event in heard) else -60)

    text = ONE.replace("x}", "x}, b: {needs: [a], agent: {max_tokens: 1024}, prompt: y}")
    run = setting(text, model=ModelDouble(lambda request: reply("x", usage=Usage(1000, 900))))
    started = run_started(run.plan, {}, str(run.folder))
    lease = run.sqlite.create(started)
    more = {"clock": clock, "stays": stays, "observe": lambda stream, event: heard.append(event)}
    around = Surroundings(project=run.folder, **(under(user="{per_day: 0.02}") | more))
    outcome = await drive(Live.begin(run.plan, started), run.sqlite, lease, run.model, around, None)
    assert outcome.finished.status == ("done" if stays else "failed")
    assert len(run.events(RunResumed)) == stays
    assert [event.day for event in run.events(ModelCalled)] == [TODAY, "2026-11-22"][: 1 + stays]
