from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.doubles import Setting


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    """Makes runs, each in a folder of its own, and closes their journals."""
    made: list[Setting] = []

    def make(text: str, **more: object) -> Setting:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Setting(folder, text, **more))
        return made[-1]

    yield make
    for one in made:
        one.sqlite.close()
