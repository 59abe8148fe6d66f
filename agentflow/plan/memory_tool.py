"""The `memory` tool as a model sees it: the commands of the API's own memory tool, whose names models know.

Source: the Messages API's `memory_20250818`. It is handed over as a tool with a schema, so that every server of the API
takes it (decision 15).
"""

from pathlib import Path

from agentflow.plan.agent_plan import ToolSpec

MEMORY = "memory"
MEMORIES = Path(".agentflow") / "memory"
"""Where a project keeps them, from its folder."""
_PATH = {"type": "string", "minLength": 1, "maxLength": 1_000, "description": "A path that begins with /memories."}


def _text(description: str) -> dict[str, object]:
    return {"type": "string", "description": description}


MEMORY_TOOL = ToolSpec(
    MEMORY,
    "Your notes, which outlive this conversation: text files in the folder /memories. Look there (`view` /memories) "
    "before you begin, and note what you will want to know next time: decisions and their reasons, what worked, where "
    "you are in long work. Keep the notes few, short and true; correct or delete what is no longer so. Commands: "
    "`view` a folder or a file, `create` a file or write it anew, `str_replace` exact text that occurs once, `insert` "
    "after a line, `delete`, `rename`.",
    {
        "type": "object",
        "properties": {
            "command": {
                "type": "string",
                "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
                "description": "What to do.",
            },
            "path": {**_PATH, "description": "The file or folder; not with `rename`."},
            "file_text": _text("With `create`: all that the file shall hold."),
            "old_str": _text("With `str_replace`: the text to replace, exactly."),
            "new_str": _text("With `str_replace`: what stands there afterwards."),
            "insert_line": {
                "type": "integer",
                "minimum": 0,
                "description": "With `insert`: the line after which it goes; 0 is the beginning.",
            },
            "insert_text": _text("With `insert`: the text."),
            "view_range": {
                "type": "array",
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
                "description": "With `view` of a file: the first and the last line; -1 is the end.",
            },
            "old_path": {**_PATH, "description": "With `rename`: what it is called."},
            "new_path": {**_PATH, "description": "With `rename`: what it shall be called."},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
    "writes",
)
