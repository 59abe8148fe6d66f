"""agentflow from Python: check a file, plan it, run it, hear it, resume it. Read this first; it wires the parts.

What goes on from an older run (`fork`, `edited`, `continued`) gives a seed, for `start_seed`; see `engine.seeds`.

`check` and `plan` touch nothing but the files of the project. `run`, `stream` and `resume` are coroutines; the loop
they drive is `engine.local`, and everything that happens in it is an event in the project's journal.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from agentflow.errors import JournalError
from agentflow.plan.checked import Checked as Checked
from agentflow.plan.checked import InvalidWorkflowError as InvalidWorkflowError
from agentflow.source.diagnostics import Diagnostic, Place, Severity, in_order, told_of
from agentflow.source.project import JOURNAL as JOURNAL
from agentflow.source.project import Problem, Project, read_workflow
from agentflow.source.project import journal_of as journal_of

if TYPE_CHECKING:
    from agentflow.engine.live import Live
    from agentflow.engine.older import continued as continued
    from agentflow.engine.older import edited as edited
    from agentflow.engine.older import file_of as file_of
    from agentflow.engine.older import fork as fork
    from agentflow.engine.older import plan_of_run as plan_of_run
    from agentflow.engine.older import session as session
    from agentflow.engine.older import sessions as sessions
    from agentflow.engine.older import stored_plan as stored_plan
    from agentflow.engine.options import Durability as Durability
    from agentflow.engine.options import RunOptions as RunOptions
    from agentflow.engine.options import RunResult as RunResult
    from agentflow.engine.port import Answer, Outcome
    from agentflow.engine.seeds import Seed
    from agentflow.events.codec import Event
    from agentflow.journal.port import Journal
    from agentflow.models.port import Model
    from agentflow.plan.model import Plan
    from agentflow.spec.sources import Source

JSON = Any
Access = Literal["create", "write", "read"]
_OF_OLDER_RUNS = frozenset(
    {"continued", "edited", "file_of", "fork", "plan_of_run", "rewind", "session", "sessions", "stored_plan"}
)
_OF_RUNS = frozenset({"Durability", "RunOptions", "RunResult"})


def __getattr__(name: str) -> Any:
    """What `engine.options` says of runs, and what `engine.older` gives of those in the journal; both come in when they
    are first asked for, since who only checks a file needs neither."""
    if name in _OF_RUNS:
        from agentflow.engine import options

        return getattr(options, name)
    if name not in _OF_OLDER_RUNS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentflow.engine import older

    return getattr(older, name)


def check(path: str | os.PathLike[str], source: bytes | None = None, *, or_library: bool = False) -> Checked:
    """Checks a workflow file: every problem of it and of the files it names, in one pass.

    Parameters:
        or_library: a file of agents and tools alone, for others to import, is checked as such.
        path: the file; diagnostics name it as it is given here.
        source: its bytes, where they are not to be read from there.
    """
    from agentflow.spec.load import load

    file = Path(path)
    content = read_workflow(file) if source is None else source
    if isinstance(content, Problem):
        diagnostic = Diagnostic("AF106", content.message, Place(str(path), 1, 1), content.hint)
        return Checked(str(path), None, (diagnostic,), {})
    project = Project.of(file)
    loaded = load(content, str(path), lambda name: project.read(name, beside=file), or_library=or_library)
    return _checked(str(path), *loaded, content)


def plan(path: str | os.PathLike[str]) -> "Plan":
    """The plan of a workflow file. Raises InvalidWorkflowError."""
    checked = check(path)
    if checked.plan is None:
        raise InvalidWorkflowError(checked)
    return checked.plan


def check_to_run(path: str | os.PathLike[str]) -> Checked:
    """As `check`, and with what only `run` refuses: commands that nothing on this machine would hold back."""
    from agentflow.engine.sandboxes import refusals
    from agentflow.plan.bypass import bypass_refusals

    checked = check(path)
    if checked.plan is None or checked.source is None:
        return checked
    as_root = os.geteuid() == 0
    return checked.joined([*refusals(checked.source, checked.plan), *bypass_refusals(checked.source, as_root=as_root)])


def check_environment(
    path: str | os.PathLike[str], source: bytes | None = None, *, or_library: bool = False
) -> Checked:
    """As `check`, and with what only this machine can tell: values of secrets, programs, a key for the Claude API."""
    from agentflow.engine.environment import lacking

    checked = check(path, source, or_library=or_library)
    if checked.plan is None or checked.source is None:
        return checked
    return checked.joined(lacking(checked.source, checked.plan, os.environ))


async def run(
    path: str | os.PathLike[str], inputs: Mapping[str, JSON] | None = None, options: "RunOptions | None" = None
) -> "RunResult":
    """Runs a workflow until it ends, waits for people, or is interrupted.

    Parameters:
        inputs: the values of its inputs, as JSON data.

    Raises:
        InvalidWorkflowError: the file has errors.
        UsageError: the inputs do not fit, or a secret has no value and nobody can be asked.
        AgentflowError: no model can be reached, or the journal cannot be written.
    """
    checked = check_to_run(path)
    if checked.plan is None or checked.source is None:
        raise InvalidWorkflowError(checked)
    return await start(checked, inputs or {}, options)


async def start(checked: Checked, inputs: Mapping[str, JSON], options: "RunOptions | None" = None) -> "RunResult":
    """Runs a workflow that was checked; else as `run`."""
    from agentflow.engine.seeds import Seed, begun_by
    from agentflow.plan.inputs import resolve_inputs

    plan_of_run, begun = begun_by(checked)
    resolved = resolve_inputs(plan_of_run, inputs, Path(begun.project))
    return await start_seed(Seed(plan_of_run, replace(begun, inputs=resolved)), options)


async def start_seed(seed: "Seed", options: "RunOptions | None" = None) -> "RunResult":
    """Runs what `fork`, `edited` or `continued` gave; else as `run`."""
    from agentflow.engine.charge import standing
    from agentflow.engine.drive import drive
    from agentflow.engine.live import Live
    from agentflow.engine.logged import log
    from agentflow.engine.new_runs import create
    from agentflow.engine.options import RunOptions
    from agentflow.engine.secret_values import secrets_to_begin
    from agentflow.engine.surroundings import surroundings
    from agentflow.models.opening import model_for

    options = options or RunOptions()
    project = Path(seed.started.project)
    stands = standing(options.charge, seed.plan, project)
    seed = stands.begins(seed)
    secrets = secrets_to_begin(seed, options.secrets, os.environ, options.told, may_ask=options.ask_secret is not None)
    around = await surroundings(seed.plan, seed.started, options, secrets, stands)
    model = model_for(seed.plan, options.model, options.record)
    journal = _journal(options.journal or project / JOURNAL, options.durability)
    try:
        started, kept, lease = create(seed, journal, time.time())
        live = Live.begin(seed.plan, started)
        log("", started)
        if options.observe is not None:
            options.observe("", started)
        for entry in kept:
            live.apply(entry.stream, entry.event)
            if options.observe is not None:
                options.observe(entry.stream, entry.event)
        return _result(live, await drive(live, journal, lease, model, around, options.interrupt))
    finally:
        await _closed(model, options, journal)


async def resume(run: str, options: "RunOptions | None" = None, project: Path | None = None) -> "RunResult":
    """Takes a run up where it was: after a crash, an interruption, or a pause for people.

    Parameters:
        run: its id, or the beginning of it.
        project: the project's folder, where the journal is not given; None: the one around the current folder.

    Raises:
        JournalError: there is no such run, it has ended, or a process is at work on it.
        UsageError: a secret that is still needed has no value and nobody can be asked, or a bound cannot be changed so.
        AgentflowError: no model can be reached, the policy does not allow it, or this version makes another plan of it.
    """
    from agentflow.engine.budgets import check_limits
    from agentflow.engine.charge import standing
    from agentflow.engine.drive import drive, heard
    from agentflow.engine.live import Live
    from agentflow.engine.options import RunOptions
    from agentflow.engine.secret_values import secrets_to_go_on
    from agentflow.engine.stored import stored_plan
    from agentflow.engine.surroundings import surroundings
    from agentflow.events.run_events import RunStarted
    from agentflow.models.opening import model_for

    options = options or RunOptions()
    journal = _journal(options.journal or journal_of(project), options.durability, access="write")
    model: Model | None = options.model
    try:
        run = journal.find(run)
        started = next(journal.read(run, "")).event
        if not isinstance(started, RunStarted):
            raise JournalError(f"run {run} does not begin as a run does", "the journal is damaged")
        plan_of_run = stored_plan(started)
        stands = standing(options.charge, plan_of_run, Path(started.project), started)
        lease = journal.take(run)
        try:
            model = model_for(plan_of_run, options.model, options.record, goes_on=True)
            live = Live.replay(plan_of_run, heard(journal, run, options.observe))
            check_limits(options.charge.limits, live)
            asked = (options.ask_secret, options.interrupt, options.told)
            secrets = await secrets_to_go_on(live, options.secrets, os.environ, *asked)
            around = await surroundings(plan_of_run, started, options, secrets, stands)
        except BaseException:
            journal.release(lease)
            raise
        return _result(live, await drive(live, journal, lease, model, around, options.interrupt, resumed=True))
    finally:
        await _closed(model, options, journal)


def stream(
    path: str | os.PathLike[str], inputs: Mapping[str, JSON] | None = None, options: "RunOptions | None" = None
) -> "AsyncIterator[tuple[str, Event] | RunResult]":
    """As `run`, giving every event with its stream as it goes on record, and the result last; leaving it early
    interrupts the run."""
    import asyncio

    from agentflow.engine.options import RunOptions
    from agentflow.engine.streaming import streamed

    options = options or RunOptions()
    interrupt = options.interrupt or asyncio.Event()
    also = options.observe or (lambda _stream, _event: None)

    def begin(put: "Callable[[str, Event], None]") -> "Awaitable[RunResult]":
        def observe(name: str, event: "Event") -> None:
            put(name, event)
            also(name, event)

        return run(path, inputs, replace(options, observe=observe, interrupt=interrupt))

    return streamed(begin, interrupt)


def scripted(path: str | os.PathLike[str], pace: float = 0.0) -> "Model":
    """A model that answers from a script, `pace` seconds after it is asked. Raises UsageError where it is none."""
    from agentflow.models.scripted import ScriptedModel

    return ScriptedModel.from_file(Path(path), pace)


def replayed(path: str | os.PathLike[str]) -> "Model":
    """A model that answers from what `RunOptions.record` wrote. Raises UsageError where that is no recording."""
    from agentflow.models.replay import Recording, ReplayModel

    return ReplayModel(Recording.from_file(Path(path)))


def open_journal(project: Path | None = None, access: Literal["write", "read"] = "read") -> "Journal":
    """The journal of a project, to be closed by who asked for it.

    Parameters:
        project: the project's folder; None: the one around the current folder.

    Raises:
        JournalError: there is none, or it cannot be opened.
    """
    return _journal(journal_of(project), access=access)


def answer(approved: bool, by: str, comment: str | None = None, answers: JSON = None) -> "Answer":
    """What `RunOptions.ask` gives back: a person's yes or no, or their answers to a form. `by` says who."""
    from agentflow.engine.port import Answer

    return Answer(approved, by, comment, answers)


def _checked(path: str, source: "Source | None", problems: list[Diagnostic], content: bytes) -> Checked:
    from agentflow.plan.endpoints import plan_here

    if source is None:
        return Checked(path, None, tuple(told_of(problems, path)), {path: content.decode("utf-8", "replace")})
    found, more = plan_here(source)
    diagnostics = told_of(in_order([*problems, *more]), path)
    refused = any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    return Checked(path, None if refused else found, tuple(diagnostics), {**source.others, **source.sources()}, source)


def _result(live: "Live", outcome: "Outcome") -> "RunResult":
    from agentflow.engine.options import RunResult

    finished, run = outcome.finished, live.run.id
    if finished is not None:
        outputs, failure, spent = finished.outputs, finished.failure, finished.spent
        return RunResult(run, finished.status, outputs, failure, spent, until=finished.until)
    status: Literal["waiting", "interrupted"] = "waiting" if outcome.status == "waiting" else "interrupted"
    waiting, until, service = outcome.waiting, outcome.until, outcome.service
    return RunResult(run, status, spent=live.spent(), waiting=waiting, until=until, service=service)


def _journal(path: Path, durability: "Durability" = "process", access: Access = "create") -> "Journal":
    from agentflow.journal.sqlite import open_journal

    return open_journal(path, durability=durability, access=access)


async def _closed(model: "Model | None", options: "RunOptions", journal: "Journal") -> None:
    """Closes what was opened here; a model that was handed in stays its owner's."""
    try:
        if model is not None and model is not options.model:
            await model.close()
    finally:
        journal.close()
