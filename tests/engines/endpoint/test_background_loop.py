"""The event loop behind synchronous calls: an interruption leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time

import pytest

from interplay_bench.engines.endpoint.background_loop import BackgroundLoop


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_what_is_interrupted_ends_before_the_loop_does(caplog: pytest.LogCaptureFixture, seconds: float) -> None:
    """Whether the loop is closed at once, or while what was cancelled gives its connection back."""
    begun, ended = threading.Event(), []

    async def ask(number: int) -> None:
        try:
            if number == 2:  # the last: all are under way
                begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)  # a connection is given back
            ended.append(number)

    async def together() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(ask(number))

    def interrupt() -> None:
        begun.wait()
        time.sleep(0.2)  # the caller waits by now, on a busy machine too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    loop = BackgroundLoop()
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        loop.run(together())
    time.sleep(seconds)
    loop.close()
    gc.collect()
    assert sorted(ended) == [0, 1, 2]
    assert not caplog.records  # "Task was destroyed but it is pending"
