"""Applies what `repo_triage.yaml` proposes."""

from pathlib import Path


def apply(changes: list[dict]) -> int:
    """Adds each line to its issue. Returns how many were changed; a name that is not a plain one changes nothing."""
    for change in changes:
        if Path(change["file"]).name != change["file"]:
            raise ValueError(f"not a plain name: {change['file']}")
    for change in changes:
        with (Path("issues") / change["file"]).open("a") as issue:
            issue.write(change["line"] + "\n")
    return len(changes)
