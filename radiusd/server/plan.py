"""What a worker is told by the supervisor."""

from dataclasses import dataclass
from pathlib import Path

from radiusd.config import Settings
from radiusd.server.sockets import Endpoint


@dataclass(frozen=True)
class WorkerPlan:
    """One worker's place among the others, and all that it needs from outside; it travels to the new process."""

    index: int
    settings: Settings
    conninfo: str
    runtime_dir: Path
    endpoints: list[Endpoint]
