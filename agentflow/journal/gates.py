"""Leaves a person's answer at a gate, for the run's owner to record."""

import shlex
from collections.abc import Set

import apsw

from agentflow.errors import JournalError
from agentflow.events.codec import dumps
from agentflow.events.values import JSON, Approvers
from agentflow.journal.port import Gate
from agentflow.journal.reading import open_gates
from agentflow.journal.rows import escaped, escaped_or_none
from agentflow.spec.forms import fields_of, problems_of


def answer(
    connection: apsw.Connection,
    run: str,
    step: str,
    *,
    approved: bool,
    by: str,
    comment: str | None,
    at: float,
    answers: JSON = None,
    roles: Set[str] = frozenset(),
) -> Gate:
    """Writes the answer to the gate's row.

    Parameters:
        roles: in which `by` may answer.

    Raises:
        JournalError: no such gate, its time has run out, it has its answer, it is for others to answer, or this is
            none to its question.
    """
    gates = open_gates(connection, run, step)
    if not gates:
        others = ", ".join(gate.step for gate in open_gates(connection, run) if gate.approved is None)
        raise JournalError(
            f"run {run} asks nothing at {step!r}", f"it asks at: {others}" if others else "it has no open questions"
        )
    gate = gates[0]
    if gate.approved is not None:
        given = "answered" if gate.about == "ask" else "approved" if gate.approved else "rejected"
        raise JournalError(
            f"{step!r} of run {run} is {given} already, by {gate.by}", f"agentflow resume {run} goes on with it"
        )
    if gate.expires_at is not None and at >= gate.expires_at:
        raise JournalError(f"{step!r} of run {run} has timed out", "resume the run: it does what the timeout says")
    if gate.approvers is not None:
        check_roles(gate, gate.approvers, by, roles, at)
    if (gate.form is not None) != (answers is not None):
        raise _other_question(gate)
    if gate.form is not None and (misses := problems_of(gate.form, answers)):
        why = "; ".join(miss.removeprefix("$ ") for miss in misses)
        raise JournalError(f"the answer to {step!r} of run {run} does not fit: {why}", "correct it, and answer again")
    given_answers = None if answers is None else dumps(answers)
    connection.execute(
        "UPDATE gates SET approved = ?, by = ?, comment = ?, answered_at = ?, answers = ? WHERE run = ? AND step = ?",
        (int(approved), escaped(by), escaped_or_none(comment), at, given_answers, run, escaped(step)),
    )
    return open_gates(connection, run, step)[0]


def check_roles(gate: Gate, approvers: Approvers, by: str, roles: Set[str], at: float) -> None:
    """Raises JournalError where a gate is for people in other roles to answer."""
    wanted = approvers.at(at)
    if wanted & roles:
        return
    named = " or ".join(f"`{role}`" for role in sorted(wanted))
    has = ", ".join(sorted(roles)) or "none"
    message = f"{gate.step!r} of run {gate.run} is for {named} to answer, and {by} has not that role"
    raise JournalError(message, f"the roles of {by} that may approve: {has}; say who you are with --user")


def _other_question(gate: Gate) -> JournalError:
    step = shlex.quote(gate.step)
    if gate.form is None:
        message = f"{gate.step!r} of run {gate.run} asks for a yes or no, and takes no other answer"
        return JournalError(message, f"agentflow approve {gate.run} {step}, or reject in the place of approve")
    message = f"{gate.step!r} of run {gate.run} asks a question, and a yes or no does not answer it"
    fields = " ".join(f"{field.name}=…" if field.name else "ANSWER" for field in fields_of(gate.form))
    return JournalError(message, f"agentflow answer {gate.run} {step} {fields}")
