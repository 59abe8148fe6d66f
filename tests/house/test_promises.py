"""The page of promises names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FILE = re.compile(r"tests/[\w/]+\.py")
_NAMED = re.compile(r"(tests/[\w/]+\.py)?::(\w+)")


def test_every_test_that_the_page_names_is_there():
    missing = []
    for line in (ROOT / "docs/promises.md").read_text().splitlines():
        file = ""
        for named in _FILE.findall(line):
            assert (ROOT / named).is_file(), named
        for path, name in _NAMED.findall(line):
            file = path or file
            if re.search(rf"^\s*(async )?def {name}\b", (ROOT / file).read_text(), re.MULTILINE) is None:
                missing.append(f"{file}::{name}")
    assert missing == []
