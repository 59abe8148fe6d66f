"""The JSON Schemas of files beside workflows, for editors, made from their models.

`python -m agentflow.spec.file_schemas stubs > schemas/stubs.schema.json` writes one, `… test` the other.
"""

import json
import sys
from typing import Any

from agentflow.spec.base import Spec
from agentflow.spec.schema import DIALECT, for_editors
from agentflow.spec.stubs import StubsFile
from agentflow.spec.suite import SuiteFile

MODELS: dict[str, type[Spec]] = {"stubs": StubsFile, "test": SuiteFile}


def file_schema(kind: str) -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a file of a kind of `MODELS`."""
    generated = MODELS[kind].model_json_schema(by_alias=True, mode="validation")
    definitions = generated.pop("$defs", {})
    schema: dict[str, Any] = for_editors(generated, definitions)
    return {
        "$schema": DIALECT,
        "title": f"agentflow {kind} file",
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": {name: for_editors(definition, definitions) for name, definition in sorted(definitions.items())},
    }


def file_schema_text(kind: str) -> str:
    """Returns the schema as it stands in `schemas/<kind>.schema.json`."""
    return json.dumps(file_schema(kind), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(file_schema_text(sys.argv[1]))
