"""Functions that are tools in examples; never imported by a check."""

from enum import Enum

from somewhere import table

raise RuntimeError("a check has imported this")


class Unit(Enum):
    METRIC = "metric"
    IMPERIAL = "imperial"


async def weather(place: str, unit: Unit = Unit.METRIC, days: int = 1) -> dict:
    """Tells the weather of a place.

    Args:
        place: its name, with its country.
        days: how many, from today.
    """
    return {"celsius": 20.0, "words": f"{place} {unit} {days}"}


@table
def decorated(whatever):
    return whatever
