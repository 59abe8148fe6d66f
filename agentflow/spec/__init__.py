"""A Document becomes a Workflow: the language's shape, one pydantic model per kind.

In: a Document. Out: a Workflow (frozen, validated in shape, nothing resolved yet), the texts of the files it
names, and diagnostics. The JSON Schemas in `schemas/` are generated from these models. Touches: files of the
project, read only.
"""
