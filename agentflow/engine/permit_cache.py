"""What was compiled and decided of permissions so far: a cache, and nothing else."""

from dataclasses import dataclass, field

from agentflow.guard.permissions import Decision, Permissions


@dataclass(slots=True)
class Permits:
    """What was compiled and decided so far; a cache, and nothing else.

    Attributes:
        known: permissions by what they are made of.
        sessions: those of each open session, by its stream.
        decisions: on the calls of each open session, by their ids.
    """

    known: dict[tuple[object, ...], Permissions] = field(default_factory=dict)
    sessions: dict[str, Permissions] = field(default_factory=dict)
    decisions: dict[str, dict[str, Decision]] = field(default_factory=dict)

    def forget(self, stream: str) -> None:
        """A session has ended."""
        self.sessions.pop(stream, None)
        self.decisions.pop(stream, None)
