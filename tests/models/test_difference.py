from agentflow.models.difference import difference


def rows(before, after):
    return difference(before, after, "then", "now").splitlines()


def test_a_changed_line_of_a_long_text_is_one_line_of_the_difference():
    before = {"system": "\n".join(f"line {n}" for n in range(5000))}
    after = {"system": before["system"].replace("line 2500\n", "line 2500, changed\n")}
    assert rows(before, after) == [
        "--- then",
        "+++ now",
        "@@ -1,5 +1,5 @@",
        " system: line 2498",
        " system: line 2499",
        "-system: line 2500",
        "+system: line 2500, changed",
        " system: line 2501",
        " system: line 2502",
    ]


def test_values_that_read_the_same_differ_by_nothing():
    assert difference({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}, "then", "now") == ""


def test_scalars_are_told_without_a_path():
    assert rows(1, "one")[-2:] == ["-1", "+one"]


def test_what_was_added_and_what_went_are_told():
    found = rows({"tools": []}, {"tools": [{"name": "Grep"}]})
    assert found[-2:] == ["-tools: []", "+tools[0].name: Grep"]


def test_it_is_bounded_in_lines_and_columns():
    found = rows({"a": "\n".join(f"x{n}" for n in range(10_000))}, {"a": "y" * 10_000})
    assert len(found) <= 61
    assert max(map(len, found)) <= 300


def test_deep_values_are_told_on_one_line():
    deep = 3
    for _ in range(200):
        deep = [deep]
    assert rows(deep, 4)[-1] == "+4"
