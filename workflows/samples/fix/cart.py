"""What is in a cart, and what it costs."""


def total(prices: list[float]) -> float:
    """The sum of all prices, in whole cents."""
    return round(sum(prices), 1)


def average(prices: list[float]) -> float:
    """The average price; 0 for an empty cart."""
    return total(prices) / len(prices)
