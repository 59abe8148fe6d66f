"""Every diagnostic code is shown by something, and the page that says by what is up to date."""

import pytest

from agentflow.source.codes import CODES
from tests import codes
from tests.house.checkout import ROOT


@pytest.mark.parametrize("code", CODES)
def test_something_shows_that_a_file_gives_it(code: str):
    assert codes.examples()[code] or codes.hostile_files()[code] or codes.tests()[code]


def test_the_page_is_what_the_tests_say():
    assert (ROOT / "docs" / "codes.md").read_text() == codes.page(), "python -m tests.codes > docs/codes.md"
