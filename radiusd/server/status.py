"""What each worker says of itself: a small file in the runtime folder, written anew each second.

The admin process reads them for /readyz: a worker whose file is older than `STALE` seconds hangs or is gone.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple


class WorkerStatus(NamedTuple):
    """One worker's state; `at` in seconds since the epoch, `queue` in records waiting for Postgres."""

    pid: int
    at: float
    generation: int
    policy_ok: bool
    database_ok: bool
    problems: int
    queue: int
    error: str | None


def write(runtime_dir: Path, index: int, status: WorkerStatus) -> None:
    """Replace the file of worker `index` in one step, so that a reader never sees half of it."""
    target = runtime_dir / f"worker-{index}.json"
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps(status._asdict()), encoding="utf-8")
    os.replace(fresh, target)  # noqa: PTH105 - Path.replace is the same call with one object more
