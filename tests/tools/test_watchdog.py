import os
import subprocess

import pytest

from agentflow.tools.watchdog import Watchdog


@pytest.fixture
def group():
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_group_that_was_not_released_is_killed_at_the_end(group):
    watchdog = Watchdog()
    watchdog.start()
    watchdog.guard(group.pid)
    watchdog.close()
    assert group.wait(20) == -9


def test_released_groups_are_left_alone_and_the_others_are_not(group):
    others = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(3)]
    watchdog = Watchdog()
    for process in (others[0], group, *others[1:]):
        watchdog.guard(process.pid)
    watchdog.release(group.pid)
    watchdog.release(1)  # never guarded
    watchdog.close()
    assert [process.wait(20) for process in others] == [-9, -9, -9]
    assert group.poll() is None


def test_a_watchdog_that_was_killed_is_replaced_and_knows_all_groups(group):
    watchdog = Watchdog()
    watchdog.guard(group.pid)
    os.kill(watchdog._shell.pid, 9)
    watchdog._shell.wait()
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    watchdog.guard(other.pid)
    watchdog.close()
    assert group.wait(20) == -9
    assert other.wait(20) == -9
