"""What the derived tables learn."""

from agentflow.events.codec import VERSIONS
from agentflow.journal.projections import PROJECTIONS


def test_every_event_type_has_its_line() -> None:
    assert set(PROJECTIONS) == set(VERSIONS)
