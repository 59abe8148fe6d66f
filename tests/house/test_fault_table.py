"""The page on faults shows the table that the code goes by."""

from pathlib import Path

from tests import fault_table

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_on_faults_is_the_table():
    assert (ROOT / "docs" / "faults.md").read_text() == fault_table.page(), (
        "python -m tests.fault_table > docs/faults.md"
    )
