"""Swaps what names in a project stand for, as fast as it can, until its standard input ends; then says how often.

python swapper.py PROJECT OUTSIDE
"""

import contextlib
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path


def main(project: Path, outside: Path) -> int:
    """Returns how many swaps were done."""
    swaps = 0
    steps = [*_link_for_folder(project, outside), *_link_for_file(project, outside), *_folder_moved(project, outside)]
    while not select.select([sys.stdin], [], [], 0)[0]:
        for step in steps:
            with contextlib.suppress(OSError):  # what the tools make of it meanwhile may be in the way
                step()
                swaps += 1
    return swaps


def _link_for_folder(project: Path, outside: Path) -> list[Callable[[], None]]:
    """`swap` is a folder, then a link to a folder outside, then a folder again."""
    aside, link = project / "aside", project / "link"

    def away() -> None:
        os.rename(project / "swap", aside)
        os.symlink(outside, link)
        os.rename(link, project / "swap")

    def back() -> None:
        os.unlink(project / "swap")
        os.rename(aside, project / "swap")

    return [away, back]


def _link_for_file(project: Path, outside: Path) -> list[Callable[[], None]]:
    """`file` is a file, a link to one outside, a pipe, a link to a piece of the system."""

    def becomes(make: Callable[[str], None]) -> Callable[[], None]:
        def step() -> None:
            new = f"{project}/new-file"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            make(new)
            os.rename(new, project / "file")

        return step

    return [
        becomes(lambda new: os.symlink(outside / "f", new)),
        becomes(os.mkfifo),
        becomes(lambda new: os.symlink("/proc/self/environ", new)),
        becomes(lambda new: Path(new).write_text("INSIDE\n") and None),
    ]


def _folder_moved(project: Path, outside: Path) -> list[Callable[[], None]]:
    """`moving/deep` goes out of the project, holds another file there, and comes back with the old one."""
    inside, away = project / "moving/deep", outside / "deep"

    def out() -> None:
        os.rename(inside, away)
        os.rename(away / "f", outside / "f-of-inside")
        os.link(outside / "f", away / "f")

    def home() -> None:
        os.rename(outside / "f-of-inside", away / "f")
        os.rename(away, inside)

    return [out, home]


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
