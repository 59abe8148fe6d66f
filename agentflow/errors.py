"""The exceptions agentflow raises on purpose; anything else is a bug in agentflow."""


class AgentflowError(Exception):
    """Something outside the workflow file is in the way.

    Parameters:
        message: names the thing that is wrong.
        hint: the next move, shown on a line of its own.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AgentflowError):
    """The command line, an input or an API call cannot be used as given."""


class JournalError(AgentflowError):
    """The journal cannot be read or written, or what it holds is damaged."""


class LeaseLostError(JournalError):
    """Another process owns this stream now; this one must stop before its next effect."""


class LeaseHeldError(JournalError):
    """Another process is at work on this run."""


class JournalEmptyError(JournalError):
    """Nothing is in the journal yet: the first run in it is only just beginning."""


class JournalFullError(JournalError):
    """There is no room on the disk; nothing was recorded, and the same may be tried again."""
