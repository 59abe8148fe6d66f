import asyncio
import threading

import pytest

from agentflow.tools.threads import in_thread


async def test_work_gives_its_result_and_its_failure():
    assert await in_thread(lambda stop: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda stop: 1 // 0)


async def test_cancelling_again_and_again_still_waits_for_the_work():
    began, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def work(stop):
        began.set()
        go_on.wait(20)
        ended.append("before the check")
        stop.check()
        ended.append("after it")

    call = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 20)
    for _ in range(3):
        call.cancel()
        await asyncio.sleep(0)
        assert not call.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended == ["before the check"]


async def test_a_failure_after_cancelling_is_a_cancelled_call():
    began, go_on = threading.Event(), threading.Event()

    def work(stop):
        began.set()
        go_on.wait(20)
        raise ValueError("nobody listens")

    call = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 20)
    call.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
