"""Replies in which the model's service searched the web."""

from typing import Any

JSON = Any

FOUND = [{"type": "web_search_result", "url": "https://x.org/", "title": "X", "encrypted_content": "c2VjcmV0"}]
CITED = {
    "type": "text",
    "text": "X is X.",
    "citations": [
        {
            "type": "web_search_result_location",
            "url": "https://x.org/",
            "title": "X",
            "encrypted_index": "aW5kZXg=",
            "cited_text": "X",
        }
    ],
}


def searched(number: int = 1, error: str | None = None) -> list[dict[str, JSON]]:
    """The blocks of one search."""
    name = f"srvtoolu_{number}"
    result: JSON = FOUND if error is None else {"type": "web_search_tool_result_error", "error_code": error}
    return [
        {"type": "server_tool_use", "id": name, "name": "web_search", "input": {"query": f"what is X {number}"}},
        {"type": "web_search_tool_result", "tool_use_id": name, "content": result},
    ]
