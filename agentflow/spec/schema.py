"""The JSON Schemas of the files that people write, for editors; made from the models.

`python -m agentflow.spec.schema > schemas/workflow.schema.json` writes the workflow's. It says no more than the models
do: what an editor marks, `validate` refuses; what only `validate` can tell (references, types, cycles) is not in it.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from agentflow.spec.base import Spec
from agentflow.spec.editor_schema import editor_schema
from agentflow.spec.policy import PolicyFile
from agentflow.spec.stubs import StubsFile
from agentflow.spec.suite import SuiteFile
from agentflow.spec.workflow import Library, Workflow

SCHEMAS: Mapping[str, tuple[type[Spec], str]] = {
    "workflow": (Workflow, "agentflow workflow"),
    "library": (Library, "agentflow library, for imports"),
    "stubs": (StubsFile, "agentflow stubs file"),
    "test": (SuiteFile, "agentflow test file"),
    "policy": (PolicyFile, "agentflow policy"),
}
"""Each kind of file that has a schema, the model it is read as, and the schema's title."""


def schema_of(name: str) -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a kind of file, by its name in `SCHEMAS`."""
    return editor_schema(*SCHEMAS[name])


def schema_text(name: str = "workflow") -> str:
    """Returns a schema as it stands in `schemas/`."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text(*sys.argv[1:]))
