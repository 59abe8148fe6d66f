"""What a caller says of who runs something."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

POLICY = "AGENTFLOW_POLICY"
"""The variable of the environment that names the operator's policy."""

IN_PROJECT = (".agentflow/policy.yaml", "policy.yaml")
"""Where a project's own policy may stand. No agent may write there."""


class Charge(Struct, frozen=True):
    """Who runs something, and under which policy.

    Attributes:
        user: None: `AGENTFLOW_USER`, else the operating system's.
        tenant: None: `AGENTFLOW_TENANT`, else what the policy says of the user.
        policy: None: `AGENTFLOW_POLICY`, else the project's.
        limits: bounds of a run that is resumed, by their names in `limits`, in the place of those it has.
    """

    user: str | None = None
    tenant: str | None = None
    policy: Path | None = None
    limits: Mapping[str, float] = {}


NOBODY_SAID = Charge()
