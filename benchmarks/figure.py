"""One line of the table."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds or megabytes of both sides, and their ratio pair by pair; `lean` is the ratio to the quickest hand."""

    name: str
    unit: str
    agentflow: float
    other: float
    ratios: tuple[float, ...]
    aim: float | None = None
    lean: float | None = None

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)
