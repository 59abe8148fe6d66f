"""Where a project keeps its journal."""

from pathlib import Path

from agentflow.source.project import Project

JOURNAL = Path(".agentflow") / "journal.db"
"""From the project's folder."""


def journal_of(project: Path | None = None) -> Path:
    """The journal of a project; None: of the one around the current folder."""
    root = project or Project.of(Path.cwd() / "workflow.yaml").root
    return root / JOURNAL
