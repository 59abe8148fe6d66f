"""What the loop is handed, what it gives back, and what its parts may ask of it."""

import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from agentflow.engine.admission import Admission
from agentflow.engine.live import Live
from agentflow.engine.recorder import Recorder
from agentflow.engine.secrets import Secrets
from agentflow.engine.slots import Slots
from agentflow.engine.timers import Timers
from agentflow.engine.workspaces import Workspaces
from agentflow.events.codec import Event
from agentflow.events.run_events import RunFinished
from agentflow.events.session_events import SessionEvent
from agentflow.events.values import JSON, Failure
from agentflow.guard.entitlements import Entitlements
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import Gate, Lease
from agentflow.models.port import Model
from agentflow.tools.kept_results import KeptResults
from agentflow.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from agentflow.engine.purse import Purse
    from agentflow.engine.quotas import Quotas
    from agentflow.engine.sandboxes import Sandboxes
    from agentflow.engine.service import Service


class Answer(Struct, frozen=True):
    """A person's yes or no, or their answers to an `ask`. `by` says who.

    Attributes:
        answers: what meets the form of an `ask`, which has no `approved`.
    """

    approved: bool
    by: str
    comment: str | None = None
    answers: JSON = None


class Surroundings(Struct, frozen=True):
    """What a run is handed from outside.

    Attributes:
        project: the real path of the folder the run works in.
        ask: asks a person about a gate and is cancelled when another has answered; gives None where nobody can
            answer this one. None: nobody is there. A run that only waits for people who are not there pauses.
        secrets: the values that are known, by name.
        hidden: values that no command gets and that are kept out of everything like secrets, by name.
        ask_secret: asks a person for the value of a secret; None: what has none is missing.
        observe: hears every event, with its stream, once it is on record.
        hear: hears the text of a session, by its stream, as it comes.
        stays: waits for the model's service here, however long it takes; else a run that only waits for it longer than
            some minutes pauses.
        disk_full: hears when the journal waits for room on the disk, and when it need not any more.
        user: who is charged for the run, and answers here.
        entitled: what the operator's policy lets that user do; None: there is no policy.
        limits: bounds of the run that hold from now on, in the place of the file's.
        clock: seconds since the epoch.
        chance: a number from 0 to 1.
        sandboxes: hold its commands; None: there are none, and only a file with `sandbox: off` runs any.
    """

    project: Path
    ask: Callable[[Gate], Awaitable[Answer | None]] | None = None
    secrets: Mapping[str, str] = {}
    hidden: Mapping[str, str] = {}
    ask_secret: Callable[[str], Awaitable[str | None]] | None = None
    observe: Callable[[str, Event], None] = lambda _stream, _event: None
    hear: Callable[[str, str], None] | None = None
    stays: bool = False
    disk_full: Callable[[bool], None] = lambda _full: None
    user: str = ""
    entitled: Entitlements | None = None
    limits: Mapping[str, float] = {}
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    sandboxes: "Sandboxes | None" = None


class Outcome(Struct, frozen=True):
    """How the loop ended.

    Attributes:
        finished: the run's end, where it has come to one.
        waiting: the paths of the gates that it waits for.
        until: when it may ask the model's service again, where a time is known; `service`: why it waits for that.
    """

    status: Literal["finished", "waiting", "interrupted"]
    finished: RunFinished | None = None
    waiting: tuple[str, ...] = ()
    until: float | None = None
    service: Failure | None = None


class People(Protocol):
    """Those who are asked at gates."""

    def opened(self, path: str) -> None:
        """Sees to it that an open gate gets its answer."""

    def closed(self, path: str) -> None:
        """Nobody need answer any more."""

    def look(self) -> None:
        """Takes up the answers that were left in the journal."""


class StepDeadlines(Protocol):
    """The timers of steps that have a `timeout`."""

    def follow_all(self) -> None:
        """Moves every timer."""


class Loop(Protocol):
    """What an action's performance may use: the state, what bounds and times it, and the way to say what happened.

    Attributes:
        short_of_money: sessions whose next call waits for money in flight to come back, and how each asks again.
        admission: holds tool calls back that are to wait.
        results: keeps the results that are too large to show.
        service: what is known of the model's service, and who waits for it.
        exhausted: what a used-up cap of the run, or of whom it is charged to, holds back, by session or step; when
            nothing else is at work, the run ends by it.
        purse: gets the money of whom the run is charged to.
        quotas: the rates that hold for the user's calls of tools.
    """

    live: Live
    lease: Lease
    model: Model | None
    tools: Toolbox
    around: Surroundings
    slots: Slots
    timers: Timers
    recorder: Recorder
    workspaces: Workspaces
    secrets: Secrets
    admission: Admission
    results: KeptResults
    service: "Service"
    short_of_money: dict[str, Callable[[], bool]]
    exhausted: dict[str, Exhausted]
    purse: "Purse"
    quotas: "Quotas"

    @property
    def deadlines(self) -> StepDeadlines:
        """The timers of steps that have a `timeout`."""

    @property
    def people(self) -> People:
        """Those who are asked at gates."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def history(self, stream: str) -> Iterator[SessionEvent] | None:
        """What is on record of a session, from its beginning, and first that of the one it carries on; None where
        nothing is recorded."""

    def happen(self, stream: str, event: Event, *, durable: bool = False) -> None:
        """Takes an event up and has it recorded; `settle` then does what follows."""

    def settle(self) -> None:
        """Asks the deciders until nothing more is to be done now."""

    def decide(self, stream: str) -> None:
        """Does what a stream's decider wants now."""

    def at_work(self, stream: str) -> bool:
        """Whether a stream has anything in flight, in line, or about to be tried again."""

    def perform(self, stream: str, work: Callable[[], Coroutine[Any, Any, Event]], call: str = "") -> None:
        """Starts a call that holds a slot, once everything that has happened so far is on record.

        Parameters:
            call: what tells it from others of its stream: of the run's own, the path of the step.
        """

    def cancel(self, stream: str, call: str | None = None) -> None:
        """Ends whatever a stream has in flight, in line, or on a timer; or one call of it."""

    def run_finished(self, finished: RunFinished) -> None:
        """The run has ended for good, with nothing in flight."""
