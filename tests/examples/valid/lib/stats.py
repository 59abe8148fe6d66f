"""Called by examples; never imported by a check."""

import asyncio
from functools import lru_cache

import numpy as np

raise RuntimeError("a check has imported this")


@lru_cache
def mean(values, weights=None):
    return sum(values) / len(values)


@np.vectorize
def decorated(anything):
    return anything


async def fetched(url, **options):
    return await asyncio.sleep(1, url)


try:
    from fast import total
except ImportError:

    def total(values):
        return sum(values)
