"""A sample of what `python -m tests.faults` goes through."""

from pathlib import Path

import pytest

from tests.faults.__main__ import go_through
from tests.faults.points import KINDS

STEP = 331
"""Bytes: a prime, so that the points fall on all parts of events."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reply_that_breaks_anywhere_is_acted_on_once_or_not_at_all(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up-key")
    verdicts, length = await go_through(tmp_path / "scratch", [kind], STEP, impatience=0.3)
    assert len(verdicts) > length // STEP
    assert [verdict for verdict in verdicts if verdict.is_wrong] == []
    assert sum(verdict.broken for verdict in verdicts) > 0
    if not KINDS[kind].alters:
        assert not any(verdict.altered or verdict.failed for verdict in verdicts)
