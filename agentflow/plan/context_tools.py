"""The tools by which an agent handles its own context: they read and change nothing but its conversation."""

from agentflow.plan.agent_plan import ToolSpec

RECALL = ToolSpec(
    "Recall",
    "Finds what was said earlier in this conversation, also where it was left out or summarised to make room: "
    "your own words, calls and their whole results. Give `words` to search, `from_turn` and `to_turn` to read turns "
    "again, or `call` for one result by the id of its call. Up to 20,000 characters come back; for more, call again "
    "with `offset`.",
    {
        "type": "object",
        "properties": {
            "words": {
                "type": "string",
                "minLength": 2,
                "maxLength": 200,
                "description": "Words that must all stand in what is looked for, in any case and order.",
            },
            "from_turn": {"type": "integer", "minimum": 1, "description": "The first turn to read, from 1."},
            "to_turn": {"type": "integer", "minimum": 1, "description": "The last turn to read. Default: the first."},
            "call": {"type": "string", "minLength": 1, "maxLength": 256, "description": "The id of a call."},
            "offset": {"type": "integer", "minimum": 0, "description": "Characters to skip. Default 0."},
        },
        "required": [],
        "additionalProperties": False,
    },
    "none",
    by="journal",
)

COMPACT = ToolSpec(
    "Compact",
    "Makes room in this conversation before your next turn: what is older is summarised or left out, and stays to be "
    "had through Recall. Call it at a point where what came before matters little for what comes next.",
    {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
    "none",
    by="session",
)
