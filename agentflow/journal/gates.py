"""Leaves a person's answer at a gate, for the run's owner to record."""

import apsw

from agentflow.errors import JournalError
from agentflow.journal.port import Gate
from agentflow.journal.reading import open_gates
from agentflow.journal.rows import escaped, escaped_or_none


def answer(
    connection: apsw.Connection, run: str, step: str, *, approved: bool, by: str, comment: str | None, at: float
) -> Gate:
    """Writes the answer to the gate's row.

    Raises:
        JournalError: no such gate, its time has run out, or it has its answer.
    """
    gates = open_gates(connection, run, step)
    if not gates:
        others = ", ".join(gate.step for gate in open_gates(connection, run) if gate.approved is None)
        raise JournalError(
            f"run {run} asks nothing at {step!r}", f"it asks at: {others}" if others else "it has no open questions"
        )
    gate = gates[0]
    if gate.approved is not None:
        given = "approved" if gate.approved else "rejected"
        raise JournalError(f"{step!r} of run {run} is {given} already, by {gate.by}", "resume the run to go on with it")
    if gate.expires_at is not None and at >= gate.expires_at:
        raise JournalError(f"{step!r} of run {run} has timed out", "resume the run: it does what the timeout says")
    connection.execute(
        "UPDATE gates SET approved = ?, by = ?, comment = ?, answered_at = ? WHERE run = ? AND step = ?",
        (int(approved), escaped(by), escaped_or_none(comment), at, run, escaped(step)),
    )
    return open_gates(connection, run, step)[0]
