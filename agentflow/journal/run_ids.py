"""Names for new runs."""

import secrets
import time


def new_run_id(now: float) -> str:
    """An id that sorts by time and can be typed: `20261121-113300-9f3a`. `now` is in seconds since the epoch."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(2)}"
