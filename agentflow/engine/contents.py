"""What tools give, made ready for the record: without secrets, and for a step as the text it can hold."""

import base64
import binascii
from typing import Any

from agentflow.engine.secrets import Secrets

JSON = Any
ONLY_FOR_AGENTS = (
    "an image or a PDF is shown to a model alone, and a step's output is text; let an agent read it, "
    "or hand the file's path on"
)


def redacted_content(secrets: Secrets, content: JSON) -> JSON:
    """Text or content blocks without the values of secrets.

    What an image or a document holds in base64 is left as it is, for a changed letter would destroy it; one whose bytes
    hold a secret's value is left out as a whole.
    """
    if not isinstance(content, list) or not secrets.is_needed:
        return secrets.redacted_data(content)
    return [_redacted_block(secrets, block) for block in content]


def _redacted_block(secrets: Secrets, block: JSON) -> JSON:
    source = block.get("source") if isinstance(block, dict) else None
    if not isinstance(source, dict) or source.get("type") != "base64":
        return secrets.redacted_data(block)
    try:
        found = secrets.in_bytes(base64.b64decode(source["data"], validate=True))
    except (KeyError, TypeError, binascii.Error):
        return secrets.redacted_data(block)
    if found is not None:
        return {"type": "text", "text": f"(Not shown: this file holds [secret {found}].)"}
    return {**secrets.redacted_data({**block, "source": None}), "source": source}


def text_of(content: JSON) -> str | None:
    """The text of content blocks, or None where one of them is none; what is no blocks is text."""
    if not isinstance(content, list):
        return str(content)
    texts = [block.get("text") if isinstance(block, dict) else None for block in content]
    return None if any(text is None for text in texts) else "\n".join(str(text) for text in texts)
