"""Plans from the text of a workflow, and drivers that play the two deciders' world without any engine."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import dedent

from msgspec.structs import replace

from agentflow.engine.deadlines import holders_of
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateAnswered,
    GateOpened,
    RetryDue,
    RunEvent,
    RunFinished,
    RunLimitReached,
    RunResumed,
    RunStarted,
    StepFinished,
    StepReset,
    StepRetried,
    StepStarted,
    StepTimedOut,
    ToolStepCalled,
)
from agentflow.events.session_events import (
    BreakerTripped,
    LimitReached,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionEvent,
    SessionFinished,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import NOTHING_SPENT, Failure, Spent, Usage
from agentflow.plan.compile import to_plan
from agentflow.plan.model import BlockStepPlan, Plan
from agentflow.run import apply as run_apply
from agentflow.run.decide import decide
from agentflow.run.reruns import stale_steps
from agentflow.run.retries import rest
from agentflow.run.state import (
    Action,
    FinishRun,
    FinishStep,
    OpenGate,
    RetryStep,
    RunState,
    ScopeState,
    StartBlock,
    StartCall,
    StartCommand,
    StartEffect,
    StartSession,
    StartTool,
    item_of,
    split,
)
from agentflow.session import apply as session_apply
from agentflow.session.context import Request, request
from agentflow.session.decide import decide as decide_session
from agentflow.session.plans import session_plan
from agentflow.session.state import CallModel, Earlier, End, GiveResult, Message, RunTool, SessionPlan, Spawn, TellTrip
from agentflow.source.diagnostics import Severity
from agentflow.spec.load import load
from agentflow.spec.sources import stored

HEAD = "agentflow: 1\nname: test\nsandbox: off\n"
STARTED_AT = 1_000.0
SMALL = Usage(10, 5)


def workflow(text: str) -> str:
    """A whole file from the keys that matter to a test."""
    return HEAD + dedent(text)


def plan_of(text: str, files: Mapping[str, str] | None = None) -> Plan:
    """The plan of a workflow without its head; `files` stand beside it, whole."""
    beside = {name: dedent(content) for name, content in (files or {}).items()}
    read = stored(beside, "test.yaml")
    source, problems = load(workflow(text), "test.yaml", read)
    assert source is not None, problems
    plan, more = to_plan(source)
    errors = [problem for problem in (*problems, *more) if problem.severity is Severity.ERROR]
    assert plan is not None, errors
    assert not errors
    return plan


def run_started(plan: Plan, inputs: Mapping[str, object] | None = None, project: str = "/project") -> RunStarted:
    return RunStarted(STARTED_AT, "run-1", plan.name, "test.yaml", project, {}, plan.digest, dict(inputs or {}))


class Run:
    """A run without an engine: does what the decider wants, and has commands, sessions and people end when told.

    Attributes:
        started: commands and sessions that were started, in order.
        asked: the open gates, as they were opened.
        events: everything that happened.
    """

    def __init__(self, text: str | Plan, **inputs: object) -> None:
        self.plan = plan_of(text) if isinstance(text, str) else text
        self.now = STARTED_AT
        self.started: list[str] = []
        self.actions: dict[str, StartEffect | StartSession] = {}
        self.events: list[RunEvent] = []
        self.begun = run_started(self.plan, inputs)
        self.state = run_apply.begin(self.plan, self.begun)
        self.settle()

    @classmethod
    def folded(cls, plan: Plan, begun: RunStarted, events: list[RunEvent]) -> "Run":
        """A run as its events left it, nothing decided yet."""
        run = cls.__new__(cls)
        run.plan, run.begun, run.events = plan, begun, list(events)
        run.now = events[-1].at if events else STARTED_AT
        run.started, run.actions = [], {}
        run.state = run_apply.begin(plan, begun)
        for event in events:
            run.state = run_apply.apply(plan, run.state, event)
        return run

    # What happens

    def happen(self, event: RunEvent) -> None:
        self.state = run_apply.apply(self.plan, self.state, event)
        self.events.append(event)

    def settle(self) -> None:
        while actions := decide(self.plan, self.state):
            failing = self.state.failing
            for action in actions:
                self.do(action)
                if self.state.failing != failing:
                    break

    def do(self, action: Action) -> None:
        if isinstance(action, FinishRun):
            self.happen(RunFinished(self.now, action.status, action.outputs, action.failure, NOTHING_SPENT))
        elif isinstance(action, FinishStep):
            self.happen(
                StepFinished(
                    self.now,
                    action.step,
                    action.status,
                    action.output,
                    action.failure,
                    action.reason,
                    errors=action.errors,
                    approved=action.approved,
                    converged=action.converged,
                    exit_code=action.exit_code,
                    reused=action.reused,
                )
            )
        elif isinstance(action, StartBlock):
            opened = {"items": action.items, "rounds": action.rounds, "choice": action.choice}
            self.happen(StepStarted(self.now, action.step, action.attempt, **opened))
        elif isinstance(action, RetryStep):
            next_at = self.now + rest(action.retry, action.attempt, 0.5)
            self.happen(StepRetried(self.now, action.step, action.attempt, action.failure, next_at))
        elif isinstance(action, OpenGate):
            expires = None if action.timeout is None else self.now + action.timeout
            self.happen(
                GateOpened(self.now, action.step, action.message, action.show, action.about, expires, action.form)
            )
        else:
            self.started.append(action.step)
            self.actions[action.step] = action
            session = action.session if isinstance(action, StartSession) else None
            self.happen(StepStarted(self.now, action.step, action.attempt, session, workspace=action.workspace))

    def finish(self, path: str, output: object = None, *, exit_code: int | None = 0) -> None:
        self.happen(StepFinished(self.now, path, "done", output, exit_code=exit_code))
        self.settle()

    def fail(self, path: str, kind: str = "command_failed", output: object = None) -> None:
        failure = Failure(kind, f"{path} broke", step=path)
        self.happen(StepFinished(self.now, path, "failed", output, failure, exit_code=1))
        self.settle()

    def answer(self, path: str, approved: bool, *, expired: bool = False, answers: object = None) -> None:
        by = "timeout" if expired else "ada"
        self.happen(GateAnswered(self.now, path, approved, by, None, expired, answers))
        self.settle()

    def rested(self, path: str) -> None:
        """The rest before a step's next attempt is over."""
        self.now = max(self.now, self.state.retrying[path])
        self.happen(RetryDue(self.now, path))
        self.settle()

    def resume(self, away: float = 100.0) -> None:
        """Another process takes the run up, after nobody has worked on it for so many seconds."""
        worked_until, self.now = self.now, self.now + away
        self.happen(RunResumed(self.now, worked_until))
        for path in stale_steps(self.state):
            self.happen(StepReset(self.now, path))
        self.settle()

    def time_out(self, path: str) -> None:
        """A block has been at work for its time; what runs inside is ended, as an engine does it."""
        message = f"{path} took too long"
        self.happen(StepTimedOut(self.now, path, Failure("timeout", message, step=path)))
        for inner in leaves_at_work(self.state):
            if path in holders_of(inner):
                self.happen(StepFinished(self.now, inner, "failed", failure=Failure("cancelled", message, step=inner)))
        self.settle()

    def reach_limit(self) -> None:
        self.happen(RunLimitReached(self.now, Failure("wall_time", "the run has worked for too long")))
        self.settle()

    def call(self, path: str) -> None:
        """A step's command, function or tool is about to run."""
        action = self.actions[path]
        if isinstance(action, StartCommand):
            self.happen(CommandCalled(self.now, path, action.argv))
        elif isinstance(action, StartCall):
            self.happen(FunctionCalled(self.now, path, action.plan.function, action.arguments))
        else:
            assert isinstance(action, StartTool)
            self.happen(ToolStepCalled(self.now, path, action.tool.name, action.input))

    # What is to be seen

    @property
    def at_work(self) -> list[str]:
        """Commands and sessions that have not ended, as they were started; after a fold by their names."""
        running = leaves_at_work(self.state)
        return sorted(running, key=lambda path: self.started.index(path) if path in self.started else -1)

    @property
    def asked(self) -> list[str]:
        return sorted(self.state.gates)

    @property
    def finished(self) -> RunFinished:
        assert self.state.finished is not None, f"still at work: {self.at_work}, asking: {self.asked}"
        return self.state.finished

    @property
    def outputs(self) -> object:
        assert self.finished.status == "done", self.finished.failure
        return self.finished.outputs

    def status(self, path: str) -> str:
        end = self.ended(path)
        if end is not None:
            return end.status
        scope, name = split(path)
        if scope not in self.state.scopes:
            return "gone"
        return self.state.scopes[scope].steps[name].status

    def ended(self, path: str) -> StepFinished | None:
        """The step's last end, unless it was started again since."""
        for event in reversed(self.events):
            if isinstance(event, StepFinished) and event.step == path:
                return event
            if isinstance(event, StepStarted | GateOpened | StepRetried | StepReset) and event.step == path:
                return None
        return None

    def reason(self, path: str) -> str:
        end = self.ended(path)
        assert end is not None
        return str(end.reason)


def leaves_at_work(state: RunState) -> list[str]:
    return [
        _path(scope.path, name)
        for scope in state.scopes.values()
        for name, step in scope.steps.items()
        if _is_leaf_at_work(state, scope, name)
    ]


def _is_leaf_at_work(state: RunState, scope: ScopeState, name: str) -> bool:
    path = _path(scope.path, name)
    return (
        scope.steps[name].status == "running"
        and not isinstance(scope.block.steps[name], BlockStepPlan)
        and path not in state.gates
        and path not in state.todo
        and path not in state.held
    )


def recounted(state: RunState) -> RunState:
    """The same state with every count taken anew from what it counts."""
    scopes = state.scopes
    running = 0
    for path, scope in scopes.items():
        busy = asking = held = 0
        for other_path, other in scopes.items():
            if not _is_in(state, other_path, path):
                continue
            due = [name for name in other.steps if _path(other_path, name) in state.todo]
            gates = [name for name in other.steps if _path(other_path, name) in state.gates]
            leaves = [name for name in other.steps if _is_leaf_at_work(state, other, name)]
            rests = [name for name in other.steps if _path(other_path, name) in state.retrying]
            own = int(other_path in state.todo and (other_path == "" or other_path.endswith("]")))
            busy += len(due) + len(leaves) + len(rests) + own
            asking += len(gates)
            held += sum(_path(other_path, name) in state.held for name in other.steps)
            running += len(leaves) if path == "" else 0
        open_steps = sum(step.status in ("waiting", "running", "retrying") for step in scope.steps.values())
        scopes = scopes.insert(path, replace(scope, busy=busy, asking=asking, held=held, open=open_steps))
    loops = state.loops
    for path, loop in loops.items():
        items = [f"{path}[{index}]" for index in range(loop.begun) if index not in loop.results]
        assert all(item in scopes for item in items)
        loops = loops.insert(path, replace(loop, parked=sum(scopes[item].parked for item in items)))
    clocks = state.clocks
    for path, clock in clocks.items():
        inside = [scopes[name] for name in scopes if name == path or (item_of(name) or ("", 0))[0] == path]
        busy, asking = sum(scope.busy for scope in inside), sum(scope.asking + scope.held for scope in inside)
        asking += path in state.held
        stands = busy == 0 and asking > 0
        clocks = clocks.insert(path, replace(clock, busy=busy, asking=asking))
        assert (clock.since is None) == stands
    return replace(state, scopes=scopes, loops=loops, running=running, clocks=clocks)


def _is_in(state: RunState, inner: str | None, outer: str) -> bool:
    while inner is not None:
        if inner == outer:
            return True
        inner = state.scopes[inner].above
    return False


def _path(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def refuses(apply: Callable[..., object], plan: object, state: object, event: object) -> bool:
    """Whether an event is one that nothing asked for."""
    try:
        apply(plan, state, event)
    except ValueError:
        return True
    return False


TOOLS = """
tools:
  look: {description: Looks., input: {type: object, properties: {at: {type: string}}}, run: [look], effects: none}
  save: {description: Saves., input: {type: object, properties: {at: {type: string}}}, run: [save], effects: writes}
  send: {description: Sends., input: {type: object, properties: {at: {type: string}}}, run: [send]}
"""
"""Tools for every test's agent: one without effects, and one of each kind that has them."""

Called = tuple[str, str, Mapping[str, object]]
"""A tool call of a reply: its id, the tool's name, its input."""


def agent_plan(agent: str) -> SessionPlan:
    """What a session of an agent works with: `agent` is the inside of its mapping; it may call `helper`."""
    helper = "  helper: {description: Helps.}" if "helper" in agent else ""
    plan = plan_of(f"{TOOLS}agents:\n  worker: {{{agent}}}\n{helper}\nsteps: {{s: {{agent: worker, prompt: go}}}}")
    return session_plan(plan.agents["worker"], plan.agents)


def tool_uses(*calls: Called) -> list[dict[str, object]]:
    return [{"type": "tool_use", "id": name, "name": tool, "input": dict(given)} for name, tool, given in calls]


class Conversation:
    """A session without an engine: does what the decider wants, and has replies and results come when told.

    Attributes:
        requests: what was sent to the model.
        running: the ids of the calls that are out.
    """

    def __init__(self, agent: str | SessionPlan = "tools: [look, save, send]", earlier: Earlier | None = None) -> None:
        self.plan = agent_plan(agent) if isinstance(agent, str) else agent
        self.now = STARTED_AT
        self.begun = SessionStarted(self.now, "worker", "s", "go", None)
        self.events: list[SessionEvent] = []
        self.requests: list[Request] = []
        self.running: list[str] = []
        self.state = session_apply.begin(self.plan, self.begun, earlier)
        self.settle()

    def happen(self, event: SessionEvent) -> None:
        self.state = session_apply.apply(self.plan, self.state, event)
        self.events.append(event)

    def settle(self) -> None:
        while actions := decide_session(self.plan, self.state):
            for action in actions:
                self.do(action)

    def do(self, action: object) -> None:
        if isinstance(action, CallModel):
            most = self.plan.agent.max_tokens
            self.happen(ModelCalled(self.now, action.turn, action.attempt, action.model, most, 0.5, action.note))
            self.requests.append(request(self.plan, self.state, "s", action.model))
        elif isinstance(action, RunTool | Spawn):
            effects = action.tool.effects if isinstance(action, RunTool) else "none"
            self.running.append(action.call.id)
            self.happen(ToolCalled(self.now, action.call.id, action.call.name, effects, "key"))
        elif isinstance(action, GiveResult):
            self.happen(ToolFinished(self.now, action.call.id, action.content, action.is_error))
        elif isinstance(action, TellTrip):
            self.happen(BreakerTripped(self.now, action.trip.failure, list(action.trip.evidence)))
        else:
            assert isinstance(action, End)
            failure = action.failure
            ended = SessionFinished(self.now, action.ending, action.output, self.state.text, failure, self.state.spent)
            self.happen(ended)

    def say(self, text: str = "", *calls: Called, stop_reason: str | None = None, usage: Usage = SMALL) -> None:
        """The model's reply comes."""
        content = [*([{"type": "text", "text": text}] if text else []), *tool_uses(*calls)]
        stop_reason = stop_reason or ("tool_use" if calls else "end_turn")
        turn = self.state.turn
        self.happen(ModelReplied(self.now, turn, tuple(content), stop_reason, "claude", usage, 0.01))
        self.settle()

    def fail_call(self, *, retry_at: float | None = None, overloaded: bool = False) -> None:
        """The model call brings no reply."""
        out = self.state.in_flight
        assert out is not None
        failure = Failure("model_unavailable", "busy", retryable=True)
        event = ModelFailed(self.now, out.turn, out.attempt, failure, 0.02, retry_at=retry_at, overloaded=overloaded)
        self.happen(event)
        self.settle()

    def result(
        self,
        call: str,
        content: object = "ok",
        *,
        is_error: bool = False,
        spent: Spent | None = None,
        media_tokens: int | None = None,
    ) -> None:
        self.running.remove(call)
        self.happen(ToolFinished(self.now, call, content, is_error, spent=spent, media_tokens=media_tokens))
        self.settle()

    def reach_limit(self, kind: str) -> None:
        self.happen(LimitReached(self.now, Failure(kind, f"the {kind} is reached")))
        self.settle()

    @property
    def finished(self) -> SessionFinished:
        assert self.state.finished is not None, f"still at work: {self.running}"
        return self.state.finished

    @property
    def failure(self) -> str:
        assert self.finished.failure is not None
        return self.finished.failure.kind

    @property
    def results(self) -> Sequence[Mapping[str, object]]:
        """The tool results of the last message."""
        return [block for block in self.state.messages[-1]["content"] if block["type"] == "tool_result"]


def unanswered(messages: Sequence[Message]) -> list[str]:
    """Calls that have not exactly one result, in the very next message, in their order."""
    wrong = []
    for index, message in enumerate(messages):
        calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        after = messages[index + 1]["content"] if index + 1 < len(messages) else []
        results = [block["tool_use_id"] for block in after if block["type"] == "tool_result"]
        if message["role"] == "assistant" and calls != results:
            wrong.append(f"message {index}: {calls} got {results}")
    return wrong
