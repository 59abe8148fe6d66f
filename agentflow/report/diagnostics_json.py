"""Diagnostics of files as JSON, for programs.

One object: `{"files": [{"path", "ok", "diagnostics": [{"path", "line", "column", "width", "severity", "code",
"message", "hint"}]}]}`. A file is `ok` when it has no errors; it may have warnings. The path of a diagnostic is that of
a file which the workflow names where the problem stands there. `line` and `column` count from 1, `column` and `width`
in characters (Unicode code points); `severity` is `error` or `warning`; `hint` is null where there is none. Fields may
be added, and none is taken away or changes its meaning.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentflow.report.diagnostics import as_json

if TYPE_CHECKING:
    from agentflow.api import Checked


def render(checks: Iterable["Checked"]) -> str:
    """The diagnostics of all files, in ASCII: whatever a file holds, nothing in it acts on a terminal."""
    files = [
        {"path": checked.path, "ok": checked.ok, "diagnostics": [as_json(found) for found in checked.diagnostics]}
        for checked in checks
    ]
    return json.dumps({"files": files}, indent=2)
