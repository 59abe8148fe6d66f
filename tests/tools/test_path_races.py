"""A process that swaps names under the tools as fast as it can; tests/tools/swapper.py says what it does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentflow.tools.edit import edit
from agentflow.tools.files import read, write
from agentflow.tools.search import glob, grep

READS, WRITES, SEARCHES = 2_000, 150, 200
SECRET = "OUTSIDE"


@pytest.fixture
def outside(project: Path) -> Path:
    folder = project.parent / "outside"
    folder.mkdir()
    (folder / "f").write_text(f"{SECRET}\n")
    (folder / "only-outside").write_text(f"{SECRET}\n")
    for name in ("swap", "moving/deep"):
        (project / name).mkdir(parents=True)
        (project / name / "f").write_text("INSIDE\n")
    (project / "file").write_text("INSIDE\n")
    return folder


@contextmanager
def swapping(project: Path, outside: Path) -> Iterator[list[int]]:
    """Swaps meanwhile; gives how many swaps it were, afterwards."""
    argv = [sys.executable, str(Path(__file__).with_name("swapper.py")), str(project), str(outside)]
    done: list[int] = []
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield done
        finally:
            done.append(int(process.communicate()[0]))
    assert process.returncode == 0


async def test_no_read_ever_sees_what_lies_outside(project, outside, context_of):
    seen = {True: 0, False: 0}
    with swapping(project, outside) as swaps:
        for _ in range(READS):
            for name in ("swap/f", "file", "moving/deep/f"):
                output = await read({"file_path": name}, context_of())
                assert SECRET not in str(output.content)
                assert "PATH=" not in str(output.content)
                seen["INSIDE" in str(output.content)] += 1
    assert swaps[0] > 100
    assert seen[True] > 100, "the tools refused nearly everything: then nothing was tried"
    assert seen[False] > 100, "nothing was ever swapped in time"


async def test_no_write_ever_lands_outside(project, outside, context_of):
    written = 0
    with swapping(project, outside) as swaps:
        for number in range(WRITES):
            for name in ("swap/f", "swap/new", "file"):
                content = f"WRITTEN {number}\n"
                output = await write({"file_path": name, "content": content}, context_of())
                written += not output.is_error
                edited = {"file_path": name, "old_string": "WRITTEN", "new_string": "EDITED"}
                await edit(edited, context_of())
    assert swaps[0] > 100
    assert written > 20, "the tools refused nearly everything: then nothing was tried"
    assert (outside / "f").read_text() == f"{SECRET}\n"
    assert sorted(path.name for path in outside.iterdir() if path.name not in ("deep", "f-of-inside")) == [
        "f",
        "only-outside",
    ]


async def test_no_search_ever_sees_what_lies_outside(project, outside, context_of):
    found = 0
    with swapping(project, outside) as swaps:
        for _ in range(SEARCHES):
            for start in (".", "swap", "moving/deep"):
                lines = await grep({"pattern": "INSIDE|OUTSIDE", "path": start, "output_mode": "content"}, context_of())
                names = await glob({"pattern": "**", "path": start}, context_of())
                assert SECRET not in str(lines.content)
                assert "only-outside" not in str(names.content)
                found += "INSIDE" in str(lines.content)
    assert swaps[0] > 100
    assert found > 100, "the tools refused nearly everything: then nothing was tried"
