"""The first process: it owns the sockets, starts the others, and starts again those that die.

Signal handlers only record; one loop looks at what they recorded and at the children. A child that dies
young is started again after a growing pause, one that lived for a while at once. At the end each child
gets SIGTERM and `STOP_WITHIN` seconds, then SIGKILL.
"""

import importlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess

import structlog

STOP_WITHIN = 9.5
YOUNG = 5.0
LONGEST_PAUSE = 30.0

_spawn = multiprocessing.get_context("spawn")


@dataclass
class Child:
    """One process to keep alive: `target` ("module:function") is called with `args` in a fresh interpreter.

    It is named, not handed over, so that this process need not import what only its children use.
    """

    name: str
    target: str
    args: tuple[object, ...]
    process: SpawnProcess | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    failures: int = field(default=0)

    def start(self, now: float) -> None:
        """Start the process; `now` is monotonic seconds."""
        self.process = _spawn.Process(target=_run, args=(self.target, *self.args), name=f"radiusd {self.name}")
        with _without_main():
            self.process.start()
        self.started_at = now

    def died(self, now: float) -> float:
        """Take note of the end; returns the pause in seconds before the next start."""
        self.failures = self.failures + 1 if now - self.started_at < YOUNG else 0
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** (self.failures - 1)) if self.failures else 0.0
        self.process = None
        self.start_again_at = now + pause
        return pause


def _run(target: str, *args: object) -> None:
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)(*args)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a child from importing the command that started us: it needs its own target and nothing else."""
    main = sys.modules["__main__"]
    kept: dict[str, object] = {
        name: main.__dict__.pop(name) for name in ("__spec__", "__file__") if name in main.__dict__
    }
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(kept)


class Supervisor:
    """Keeps its children alive until a signal says stop.

    `watch` is called about once a second, `ended` with the process id of each child that has ended.
    """

    def __init__(self, children: list[Child], watch: Callable[[], None], ended: Callable[[int], object]) -> None:
        self._children = children
        self._watch = watch
        self._ended = ended
        self._signals: list[int] = []
        self._log = structlog.get_logger()

    def run(self) -> None:
        """Start everything, keep it running, and return after an orderly stop."""
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        before = {
            number: signal.signal(number, lambda received, _: self._signals.append(received))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        wakeup_before = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        try:
            self._keep(wake)
        finally:
            self._stop()
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wake)
            os.close(woken)

    def _keep(self, wake: int) -> None:
        while not self._signals:
            now = time.monotonic()
            for child in self._children:
                if child.process is None and now >= child.start_again_at:
                    child.start(now)
            running = [child.process.sentinel for child in self._children if child.process is not None]
            multiprocessing.connection.wait([*running, wake], timeout=1.0)
            self._watch()
            now = time.monotonic()
            for child in self._children:
                if child.process is not None and not child.process.is_alive():
                    code = child.process.exitcode
                    self._ended(child.process.pid or 0)
                    pause = child.died(now)
                    if not self._signals:
                        self._log.error("process-died", name=child.name, exit_code=code, start_again_in=pause)

    def _stop(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for process in running:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                self._log.error("process-killed", name=process.name, reason="did not stop in time")
                process.kill()
                process.join()
