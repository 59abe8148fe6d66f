"""What a command's complaints mean where a sandbox is the reason: which grant of the file is missing."""

import re

from agentflow.plan.sandbox_plan import SandboxPlan

_READ_ONLY = re.compile(r"[Rr]ead-only file system|EROFS")
_NO_NETWORK = re.compile(
    r"[Cc]ould not resolve|[Tt]emporary failure in name resolution|[Nn]etwork is unreachable|Name or service not known"
    r"|ENETUNREACH|EAI_AGAIN|getaddrinfo|[Nn]o address associated with hostname"
)
_NO_ROOM = re.compile(r"[Nn]o space left on device|ENOSPC")
_TOO_MANY = re.compile(r"fork: .*[Rr]esource temporarily unavailable|can't start new thread|Cannot fork")


def explained(stderr: str, plan: SandboxPlan) -> str:
    """What to add to what a command said, or nothing."""
    parts = []
    if _READ_ONLY.search(stderr):
        granted = ", ".join(f"`{path}`" for path in plan.write) or "nothing"
        parts.append(
            f"Read-only file system: the file's `sandbox.write` does not list it, or it is protected. It grants "
            f"{granted}; `/tmp` can be written too, and is gone when the command ends."
        )
    if _NO_NETWORK.search(stderr):
        granted = ", ".join(f"`{host}`" for host in plan.network) or "no host"
        parts.append(f"The network is closed: the file's `sandbox.network` grants {granted}.")
    if _NO_ROOM.search(stderr):
        parts.append("`/tmp` holds little in here; large files belong in a folder that `sandbox.write` grants.")
    if _TOO_MANY.search(stderr):
        parts.append("The sandbox bounds how many processes and threads run at once; run fewer.")
    return f"(Sandbox: {' '.join(parts)})" if parts else ""
