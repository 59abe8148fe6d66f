"""What is plainly right in a schema is right by every meta-schema, and what is not is shown to it."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.spec.contracts import Allowance, check_schema
from agentflow.spec.schema_parts import unsure_parts
from agentflow.spec.schema_structure import DIALECTS

KEYWORDS = st.sampled_from(
    [
        "type",
        "enum",
        "const",
        "required",
        "properties",
        "items",
        "additionalProperties",
        "patternProperties",
        "anyOf",
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "definitions",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "prefixItems",
        "contains",
        "minContains",
        "multipleOf",
        "minimum",
        "maxLength",
        "uniqueItems",
        "pattern",
        "format",
        "title",
        "examples",
        "readOnly",
        "$id",
        "$anchor",
        "$comment",
        "unevaluatedItems",
        "additionalItems",
        "propertyNames",
        "contentEncoding",
        "$vocabulary",
        "$recursiveAnchor",
        "x-own",
    ]
)
LEAVES = st.one_of(
    st.sampled_from(["string", "object", "", "#", "a#b", "^a$", 0, 1, -1, 1.5, True, False, None, [], {}, ["a", "a"]]),
    st.lists(st.sampled_from(["string", "null", "a", 1]), max_size=3),
)
SCHEMAS = st.recursive(
    st.dictionaries(KEYWORDS, LEAVES, max_size=4),
    lambda inner: st.dictionaries(
        KEYWORDS,
        LEAVES | inner | st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        max_size=4,
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("dialect", DIALECTS.values())
@given(schema=SCHEMAS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_parts_have_a_problem_where_the_whole_has_one(dialect, schema):
    meta = getattr(jsonschema, dialect)
    validator = meta(meta.META_SCHEMA)
    parts, count = unsure_parts(schema, dialect, 1_000)
    assert count == len(parts)
    assert all(validator.is_valid(part) for _, part in parts) == validator.is_valid(schema)


def test_a_schema_of_many_rare_parts_is_refused_and_not_half_checked():
    schema = {"properties": {f"a{i}": {"$vocabulary": {}} for i in range(200)}}
    assert [problem.message for problem in check_schema(schema)] == ["the file's schemas take too long to check"]


def test_what_one_schema_takes_the_next_one_lacks():
    allowance = Allowance(patterns=3)
    assert check_schema({"properties": {name: {"pattern": name} for name in "ab"}}, allowance) == []
    assert check_schema({"properties": {name: {"pattern": name} for name in "abc"}}, allowance) == []
    refused = check_schema({"pattern": "d"}, allowance)
    assert [problem.path for problem in refused] == [("pattern",)]
