"""How a run is to go, and what it has come to."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from agentflow.events.values import NOTHING_SPENT, Failure, Spent
from agentflow.plan.callers import NOBODY_SAID, Charge

if TYPE_CHECKING:
    import asyncio

    from agentflow.engine.port import Answer
    from agentflow.events.codec import Event
    from agentflow.journal.port import Gate
    from agentflow.models.port import Model

JSON = Any
Durability = Literal["process", "power"]


class RunOptions(Struct, frozen=True):
    """How a run is to go.

    Attributes:
        model: answers the requests; None: the endpoint that the environment names.
        record: a file for every request and its reply; a new one, or, for `resume`, one that is added to.
        journal: the file; None: `.agentflow/journal.db` of the project.
        durability: `power` has every event synced to the disk before anything follows from it; `process`, what the
            death of the process cannot touch, and loss of power only for 100 ms.
        yes: answer every gate with yes, and a question with the defaults of its form where these answer it.
        ask: asks a person about a gate, which has a `form` where the answer is more than a yes or no; is cancelled
            when another has answered; None from it: nobody can. A run that only waits for absent people pauses.
        secrets: values of the file's secrets, by name; what is not here is taken from the environment.
        ask_secret: asks a person for the value of a secret that has none; None from it: there is none.
        observe: hears every event, with its stream (`""`: the run's own), once it is on record.
        hear: hears the text of sessions, with their stream, as it comes.
        disk_full: hears when the journal waits for room on the disk, and when it need not any more.
        stays: stay until the model's service can be asked again, or a cap of the policy is whole again, however long
            that takes; else a run that only waits for it pauses, or ends.
        charge: who runs it, under which policy; for `resume`, bounds in the place of those the run has.
        told: hears the values of the secrets that are known, by name, before anything else is said of the run.
        interrupt: set it to have the run stop cleanly; it can be resumed.
    """

    model: "Model | None" = None
    record: Path | None = None
    journal: Path | None = None
    durability: Durability = "process"
    yes: bool = False
    ask: "Callable[[Gate], Awaitable[Answer | None]] | None" = None
    secrets: Mapping[str, str] = {}
    ask_secret: Callable[[str], Awaitable[str | None]] | None = None
    observe: "Callable[[str, Event], None] | None" = None
    hear: Callable[[str, str], None] | None = None
    disk_full: Callable[[bool], None] | None = None
    stays: bool = False
    charge: Charge = NOBODY_SAID
    interrupt: "asyncio.Event | None" = None
    told: Callable[[Mapping[str, str]], None] | None = None


class RunResult(Struct, frozen=True):
    """What a run has come to.

    Attributes:
        status: `waiting` for the people asked in `waiting` or for the `service`; `interrupted` as it was asked to; both
            can be resumed.
        outputs: the workflow's, where it is done.
        failure: why it failed.
        spent: in this run so far.
        waiting: the paths of the steps whose gates are open.
        until: when it may go on (seconds since the epoch): ask the service again, or spend; None: no time is known.
        service: why it waits for the model's service, where it does.
    """

    run: str
    status: Literal["done", "failed", "waiting", "interrupted"]
    outputs: Mapping[str, JSON] | None = None
    failure: Failure | None = None
    spent: Spent = NOTHING_SPENT
    waiting: tuple[str, ...] = ()
    until: float | None = None
    service: "Failure | None" = None
