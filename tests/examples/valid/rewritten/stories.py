"""The stories of `worklist.yaml`, in a JSON file: what is open, and what is ticked off."""

import json
from pathlib import Path


def found(plan: str) -> bool:
    """Whether there is a plan."""
    return Path(plan).exists()


def keep(plan: str, stories: list[dict]) -> int:
    """Writes a new plan, in which nothing is done yet. Returns how many stories it has."""
    _write(plan, [{**story, "passes": False} for story in stories])
    return len(stories)


def left(plan: str) -> int:
    """How many stories are open."""
    return sum(not story["passes"] for story in _read(plan))


def first_open(plan: str) -> dict | None:
    """The first story that does not pass yet, and what it waits for that does not either."""
    stories = _read(plan)
    still_open = {story["id"] for story in stories if not story["passes"]}
    for story in stories:
        if not story["passes"]:
            waits_for = [name for name in story.get("after", []) if name in still_open]
            return {"id": story["id"], "title": story["title"], "waits_for": waits_for}
    return None


def tick(plan: str, story: str, note: str) -> int:
    """Notes that a story passes. Returns how many are left."""
    stories = _read(plan)
    for entry in stories:
        if entry["id"] == story:
            entry.update(passes=True, note=note)
    _write(plan, stories)
    return left(plan)


def notes(plan: str) -> list[str]:
    """What was done, story by story; a story may have passed before, without a note."""
    return [f"{entry['id']}: {entry.get('note', 'was done')}" for entry in _read(plan) if entry["passes"]]


def _read(plan: str) -> list[dict]:
    return json.loads(Path(plan).read_text())


def _write(plan: str, stories: list[dict]) -> None:
    Path(plan).write_text(json.dumps(stories))
