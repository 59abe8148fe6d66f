"""A tool call waits its turn without a slot: for its tool's rate, its next attempt, or another that gives the same."""

from types import SimpleNamespace

import pytest

from agentflow.engine.admission import Admission, Wanted
from agentflow.engine.tool_history import Caller, ToolHistory
from agentflow.plan.agent_plan import Rate, ToolOptions, ToolSpec
from agentflow.simulation.virtual import Line, VirtualTimers


class World:
    """A loop of which only time, timers and the history are there: a call that begins is on record at once."""

    def __init__(self) -> None:
        self.line = Line(1_000.0)
        self.timers = VirtualTimers(self.line)
        self.live = SimpleNamespace(tools=ToolHistory())
        self.later: dict[str, float] = {}
        self.quotas = SimpleNamespace(may_begin_at=lambda name: self.later.pop(name, None))
        self.admission = Admission(self)
        self.begun: list[tuple[str, float]] = []
        self.given: list[tuple[str, object]] = []
        self.asking: dict[str, Wanted] = {}
        self.slots = True

    def now(self) -> float:
        return self.line.now

    def settle(self) -> None:
        while self.slots and self.asking:
            call = next(iter(self.asking))
            self._begin(self.asking.pop(call))

    def want(self, call: str, tool: ToolSpec, given: object = None, not_before: float = 0.0, **more: str) -> None:
        wanted = Wanted(
            Caller("s", call, more.get("file", "w.yaml"), more.get("scope", "")),
            tool,
            {"x": call if given is None else given},
            lambda: self.asking.update({call: wanted}),
            lambda content: self.given.append((call, content)),
            not_before,
        )
        self.asking[call] = wanted
        self.settle()

    def end(self, call: str, content: object = "result", *, good: bool = True) -> None:
        self.live.tools.ended("s", call, content, self.now(), good=good)
        self.admission.heard()
        self.settle()

    def forget(self, call: str | None = None) -> None:
        self.asking.pop(call, None)
        self.admission.forget("s", call)

    def pass_time(self, seconds: float) -> None:
        until = self.line.now + seconds
        self.line.put("", "test", "", seconds, lambda: None)
        while self.line.now < until:
            self.line.next()

    def _begin(self, wanted: Wanted) -> None:
        if not self.admission.holds(wanted):
            self.live.tools.began(wanted.caller, wanted.tool, wanted.input, self.now())
            self.begun.append((wanted.caller.call, self.now() - 1_000.0))


@pytest.fixture
def world():
    return World()


def tool(name: str = "t", **options: object) -> ToolSpec:
    return ToolSpec(name, "Does.", {"type": "object"}, "none", options=ToolOptions(**options))


# Rates


def test_calls_past_the_rate_wait_in_their_order_and_none_fails(world):
    limited = tool(rate=Rate(2, 60.0))
    for number in range(5):
        world.want(f"c{number}", limited)
    assert world.begun == [("c0", 0.0), ("c1", 0.0)]
    assert not world.admission.idle
    world.pass_time(200)
    assert world.begun[2:] == [("c2", 60.0), ("c3", 60.0), ("c4", 120.0)]
    assert world.admission.idle


def test_no_window_of_time_has_more_calls_than_the_rate_wherever_it_begins(world):
    limited = tool(rate=Rate(3, 10.0))
    for number in range(20):
        world.want(f"c{number}", limited)
        world.pass_time(1.0 + number % 4)
    world.pass_time(100)
    times = [time for _, time in world.begun]
    assert len(times) == 20
    assert all(later - earlier >= 10.0 for earlier, later in zip(times, times[3:], strict=False))


def test_who_comes_late_does_not_overtake_who_waits_for_a_slot(world):
    limited = tool(rate=Rate(1, 10.0))
    world.want("c0", limited)
    world.want("c1", limited)
    world.slots = False
    world.pass_time(20)
    assert list(world.asking) == ["c1"]
    world.want("c2", limited)
    world.slots = True
    world.settle()
    assert [name for name, _ in world.begun] == ["c0", "c1"]
    world.pass_time(20)
    assert [name for name, _ in world.begun] == ["c0", "c1", "c2"]


def test_a_call_that_asks_again_while_it_waits_stands_in_line_once(world):
    limited = tool(rate=Rate(1, 10.0))
    for call in ("c0", "c1", "c1", "c2", "c1"):
        world.want(call, limited)
    world.pass_time(50)
    assert [name for name, _ in world.begun] == ["c0", "c1", "c2"]


@pytest.mark.parametrize("gone", ["c1", "c2"])
def test_a_call_that_is_cancelled_leaves_its_place_to_the_next(world, gone):
    limited = tool(rate=Rate(1, 10.0))
    for number in range(4):
        world.want(f"c{number}", limited)
    world.forget(gone)
    world.pass_time(50)
    assert world.begun == [("c0", 0.0), *[(f"c{n}", 10.0 * (i + 1)) for i, n in enumerate({1, 2, 3} - {int(gone[1])})]]


def test_one_that_is_cancelled_after_it_was_let_in_does_not_hold_the_line_up(world):
    limited = tool(rate=Rate(1, 10.0))
    for number in range(3):
        world.want(f"c{number}", limited)
    world.slots = False
    world.pass_time(10)
    world.forget("c1")
    world.slots = True
    world.pass_time(50)
    assert [name for name, _ in world.begun] == ["c0", "c2"]
    assert world.admission.idle


def test_a_stream_that_ends_has_nothing_in_line(world):
    limited = tool(rate=Rate(1, 10.0))
    for number in range(3):
        world.want(f"c{number}", limited)
    world.forget()
    assert world.admission.idle
    world.pass_time(50)
    assert world.begun == [("c0", 0.0)]


def test_each_tool_of_each_file_has_a_rate_of_its_own(world):
    world.want("c0", tool(rate=Rate(1, 10.0)))
    world.want("c1", tool("other", rate=Rate(1, 10.0)))
    world.want("c2", tool(rate=Rate(1, 10.0)), file="other.yaml")
    world.want("c3", tool(rate=Rate(1, 10.0)), scope="another start of the same file")
    assert [name for name, _ in world.begun] == ["c0", "c1", "c2"]


# Attempts


def test_a_call_rests_before_its_next_attempt(world):
    world.want("c0", tool(), not_before=1_005.0)
    assert world.begun == []
    world.pass_time(10)
    assert world.begun == [("c0", 5.0)]
    world.want("c1", tool(), not_before=1_020.0)
    world.forget("c1")
    world.pass_time(50)
    assert world.begun == [("c0", 5.0)]


# Results that are there already


def test_of_equal_calls_one_is_made_and_all_get_its_result(world):
    cached = tool(cache=True)
    world.want("c0", cached, {"a": 1, "b": 2})
    world.want("c1", cached, {"b": 2, "a": 1})
    world.want("c2", cached, {"a": 1, "b": 3})
    assert [name for name, _ in world.begun] == ["c0", "c2"]
    world.end("c0", "result")
    assert world.given == [("c1", "result")]
    world.want("c3", cached, {"a": 1, "b": 2})
    assert world.given[1:] == [("c3", "result")]
    assert world.admission.idle


def test_what_failed_is_not_given_again_and_the_next_one_tries(world):
    cached = tool(cache=True)
    for call in ("c0", "c1", "c2"):
        world.want(call, cached, 1)
    world.end("c0", "error", good=False)
    assert [name for name, _ in world.begun] == ["c0", "c1"]
    world.end("c1", "result")
    assert world.given == [("c2", "result")]


def test_a_result_counts_for_as_long_as_the_file_says(world):
    cached = tool(cache=True, cache_for=60.0)
    world.want("c0", cached, 1)
    world.end("c0")
    world.pass_time(59)
    world.want("c1", cached, 1)
    assert world.given == [("c1", "result")]
    world.pass_time(2)
    world.want("c2", cached, 1)
    assert [name for name, _ in world.begun] == ["c0", "c2"]


def test_a_result_that_is_there_takes_nothing_of_the_rate(world):
    both = tool(cache=True, rate=Rate(1, 10.0))
    world.want("c0", both, 1)
    world.end("c0")
    world.want("c1", both, 1)
    world.want("c2", both, 2)
    world.want("c3", both, 2)
    assert world.given == [("c1", "result")]
    world.pass_time(10)
    assert [name for name, _ in world.begun] == ["c0", "c2"]
    world.end("c2", "other")
    world.pass_time(11)
    assert world.given == [("c1", "result"), ("c3", "other")]
    assert world.admission.idle


def test_another_start_of_a_file_has_results_of_its_own(world):
    world.want("c0", tool(cache=True), 1)
    world.end("c0")
    world.want("c1", tool(cache=True), 1, scope="other")
    assert [name for name, _ in world.begun] == ["c0", "c1"]


def test_who_is_cancelled_while_it_waits_for_a_result_gets_none(world):
    cached = tool(cache=True)
    world.want("c0", cached, 1)
    world.want("c1", cached, 1)
    world.forget("c1")
    world.end("c0")
    assert world.given == []
    assert world.admission.idle


def test_a_call_that_the_policys_rate_holds_back_begins_when_that_lets_it(world):
    world.later["t"] = 1_007.0
    world.want("c0", tool())
    assert world.begun == []
    world.pass_time(10.0)
    assert world.begun == [("c0", 7.0)]
