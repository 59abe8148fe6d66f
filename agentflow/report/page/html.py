"""The page: one file that asks the network for nothing, and whose only script and style are its own.

The report stands in the page as data; the script puts it into the page as text, never as markup. A Content Security
Policy holds the browser to that: it runs what has these two hashes and nothing else, loads nothing, and turns no text
into markup (https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/).
"""

import base64
import json
import re
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from agentflow.report.inert import inert_line
from agentflow.report.page.graph_layout import laid_out
from agentflow.report.page.hidden import revealed_data

JSON = Any

SCRIPTS = ("dom.js", "graph.js", "timeline.js", "steps.js", "conversations.js", "page.js")
"""The parts of the page's script, in their order."""

_MARK = re.compile("%([a-z]+)%")


def html(report: dict[str, JSON]) -> str:
    """The page of a report."""
    shown = revealed_data(report)
    if shown["graph"] is not None:
        shown["graph"] = laid_out(shown["graph"])
    script = "\n".join(["'use strict';", *map(_asset, SCRIPTS)])
    style = _asset("style.css")
    parts = {
        "policy": _policy(style, script),
        "title": escape(f"{inert_line(report['run']['workflow'], 80)} · {report['run']['run']}"),
        "style": style,
        "data": island(shown),
        "script": script,
    }
    # In one pass: what is put in may hold the same marks.
    return _MARK.sub(lambda found: parts[found[1]], _asset("page.html"))


def island(data: JSON) -> str:
    """JSON that may stand in a `script` element: nothing in it can end the element or begin another."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    return files("agentflow.report.page").joinpath("assets", name).read_text("utf-8")
