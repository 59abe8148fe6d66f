"""A strict local Messages API for tests.

Comes in: HTTP requests from a client under test, and a script of replies. Goes out: the answers the real API would
give (refusals included), with faults on demand, and a record of all that was asked. Touches: one loopback port, and a
log file if told. Imports nothing from the package under test.
"""

from .errors import ApiError
from .faults import Fault
from .models import MODELS, ModelRules
from .process import MessagesProcess
from .recording import Recorded, read_log
from .script import (
    Match,
    Raw,
    Reply,
    Rule,
    Rules,
    ScriptError,
    first_user,
    last_user,
    read_script,
    text,
    texts_of,
    thinking,
    tool_use,
    turn_of,
)
from .server import MessagesAPI

__all__ = [
    "MODELS",
    "ApiError",
    "Fault",
    "Match",
    "MessagesAPI",
    "MessagesProcess",
    "ModelRules",
    "Raw",
    "Recorded",
    "Reply",
    "Rule",
    "Rules",
    "ScriptError",
    "first_user",
    "last_user",
    "read_log",
    "read_script",
    "text",
    "texts_of",
    "thinking",
    "tool_use",
    "turn_of",
]
