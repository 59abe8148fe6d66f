"""What an agent asks by `AskUserQuestion`, as a form for a person, and the answers as the agent reads them. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

JSON = Any

_LONGEST_NAME = 30
_TEXT: Mapping[str, JSON] = {"type": "string", "minLength": 1}


class Question(Struct, frozen=True):
    """A call's questions as they are put.

    Attributes:
        message: the question, or how many there are.
        show: the options, and what each means.
        form: a field for each question; the answer is the label of an option or any other text.
    """

    message: str
    show: str
    form: Mapping[str, JSON]


def question_of(agent: str, tool_input: Mapping[str, JSON]) -> Question:
    """The form of a call, whose input has met the tool's schema."""
    questions = tool_input["questions"]
    named = list(zip(_names(questions), questions, strict=True))
    if len(questions) == 1:
        message = f"{agent} asks: {questions[0]['question']}"
    else:
        message = f"{agent} has {len(questions)} questions"
    return Question(
        message,
        "\n\n".join(_shown(name, question, alone=len(questions) == 1) for name, question in named),
        {
            "type": "object",
            "properties": {name: {**_TEXT, "description": _choices(question)} for name, question in named},
            "required": [name for name, _ in named],
            "additionalProperties": False,
        },
    )


def told(tool_input: Mapping[str, JSON], answers: Mapping[str, JSON], comment: str | None) -> str:
    """The answers for the agent, each under its question."""
    questions = tool_input["questions"]
    rows = [
        f"{question['question']}\n-> {answers.get(name, '(not answered)')}"
        for name, question in zip(_names(questions), questions, strict=True)
    ]
    if comment:
        rows.append(f"The person adds: {comment}")
    return "\n\n".join(rows)


def _names(questions: list[Mapping[str, JSON]]) -> list[str]:
    """A name for each question that can be typed, from its header; a number makes those different that are alike."""
    names: list[str] = []
    for number, question in enumerate(questions, 1):
        name = re.sub(r"[^a-z0-9]+", "_", question["header"].lower()).strip("_")[:_LONGEST_NAME] or f"answer{number}"
        alike = (f"{name}{other}" for other in range(2, len(questions) + 2))
        names.append(next(free for free in (name, *alike) if free not in names))
    return names


def _shown(name: str, question: Mapping[str, JSON], *, alone: bool) -> str:
    rows = [] if alone else [f"{name}: {question['question']}"]
    rows += [
        f"- {option['label']}: {option['description']}" if option["description"] else f"- {option['label']}"
        for option in question["options"]
    ]
    return "\n".join(rows)


def _choices(question: Mapping[str, JSON]) -> str:
    several = "any of" if question.get("multiSelect") else "one of"
    return f"{several} {', '.join(option['label'] for option in question['options'])}, or other words"
