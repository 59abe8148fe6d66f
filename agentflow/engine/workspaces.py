"""Workspaces of a run, each made before the first call that works in it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from agentflow.events.codec import Event
from agentflow.events.values import Failure, Workspace


class Workspaces:
    """Makes each workspace once, however many calls want it.

    Parameters:
        project: its real path.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._locks: dict[str, asyncio.Lock] = {}
        self._ready: set[str] = set()

    def root(self, workspace: Workspace | None) -> Path:
        """The folder that tools and commands work in."""
        return self._project if workspace is None else self._project / workspace.folder

    def env(self, workspace: Workspace | None) -> Mapping[str, str]:
        """What commands in it are told beside."""
        if workspace is None or workspace.kind != "copy":
            return {}
        # A copy has no `.git`; without this, git would find the project's own, further up.
        return {"GIT_CEILING_DIRECTORIES": str(self.root(workspace).parent)}

    async def within(
        self,
        workspace: Workspace | None,
        work: Callable[[], Coroutine[Any, Any, Event]],
        failed: Callable[[Failure], Event],
    ) -> Event:
        """Does some work in a workspace, once that is there.

        Parameters:
            failed: the event that tells that it could not be made.
        """
        from agentflow.tools.workspaces import WorkspaceError

        try:
            await self._make(workspace)
        except WorkspaceError as error:
            return failed(Failure("workspace", f"{error.message}; {error.hint}" if error.hint else error.message))
        return await work()

    async def _make(self, workspace: Workspace | None) -> None:
        if workspace is None or workspace.folder in self._ready:
            return
        from agentflow.tools.workspaces import make_workspace

        # Git writes its list of worktrees for one at a time.
        lock = self._locks.setdefault(workspace.folder if workspace.kind == "copy" else "", asyncio.Lock())
        async with lock:
            if workspace.folder not in self._ready:
                await make_workspace(self._project, workspace)
                self._ready.add(workspace.folder)
