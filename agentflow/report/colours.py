"""What each state of a step is filled with and outlined in, in pictures."""

from collections.abc import Mapping

FILLS: Mapping[str, tuple[str, str]] = {
    "waiting": ("#f6f6f6", "#9a9a9a"),
    "running": ("#cfe3ff", "#2563c9"),
    "asking": ("#fff0b3", "#b58900"),
    "done": ("#d3f2d3", "#2e8b3d"),
    "failed": ("#ffd0cc", "#c62f22"),
    "skipped": ("#ececec", "#9a9a9a"),
    "rejected": ("#ffe3c2", "#c46a00"),
    "stopped": ("#dcd6e6", "#6b5b8a"),
}
"""Fill and outline, as `#rrggbb`; dark text stands out on every fill."""
