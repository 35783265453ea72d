"""Counters by reason and the structured log: how an operator sees what the wire must not say.

A worker counts in plain integers (`Tally`) and publishes them to Prometheus once a second: a
Prometheus counter costs more than decoding a packet. Processes share their metrics through
prometheus-client's multiprocess folder, which the supervisor makes and names in the environment.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable

import prometheus_client
import structlog

PACKETS = prometheus_client.Counter(
    "radiusd_packets", "Datagrams by port, what became of them, and why", ["port", "outcome", "reason"]
)
DROPPED = prometheus_client.Counter("radiusd_client_drops", "Dropped datagrams by client", ["client", "reason"])
QUEUE = prometheus_client.Gauge(
    "radiusd_queue_records", "Records waiting for Postgres", ["queue"], multiprocess_mode="livesum"
)
LOST = prometheus_client.Counter("radiusd_records_lost", "Records given up, by queue and reason", ["queue", "reason"])
COMMITS = prometheus_client.Histogram(
    "radiusd_commit_seconds",
    "Time of one group commit",
    ["queue"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
RECORDS = prometheus_client.Counter("radiusd_records_written", "Records written to Postgres", ["queue"])
LATENCY = prometheus_client.Histogram(
    "radiusd_handle_seconds",
    "Time to decide a datagram, sampled",
    ["port"],
    buckets=(0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05),
)
REAPED = prometheus_client.Counter("radiusd_sessions_closed", "Sessions closed by this server", ["closed_by"])


class Tally:
    """Counts per (port, outcome, reason) and per (client, reason), added up in plain integers."""

    __slots__ = ("_clients", "_packets")

    def __init__(self) -> None:
        self._packets: Counter[tuple[str, str, str]] = Counter()
        self._clients: Counter[tuple[str, str]] = Counter()

    def count(self, port: str, outcome: str, reason: str = "") -> None:
        """Count one datagram."""
        self._packets[port, outcome, reason] += 1

    def count_client(self, client: str, reason: str) -> None:
        """Count one drop against a client; the label is bounded by the number of clients."""
        self._clients[client, reason] += 1

    def publish(self) -> None:
        """Hand everything counted since the last call to Prometheus."""
        packets, self._packets = self._packets, Counter()
        clients, self._clients = self._clients, Counter()
        for labels, number in packets.items():
            PACKETS.labels(*labels).inc(number)
        for client_labels, number in clients.items():
            DROPPED.labels(*client_labels).inc(number)


class RateLimitedLog:
    """One line each `interval` seconds for an event, its subject and its reason; of the others the number.

    In all, an event gets at most `lines` lines an interval, whoever sends what. Holds at most `keys` keys: when full,
    the oldest half is forgotten.
    """

    def __init__(self, log: Callable[..., object], interval: float = 10.0, keys: int = 4096, lines: int = 50) -> None:
        self._log = log
        self._interval = interval
        self._keys = keys
        self._lines = lines
        # When the last line was logged, and how many were left out since.
        self._seen: dict[tuple[str, str, str], list[float]] = {}
        # When an event's interval began, lines logged in it, and lines left out of it.
        self._budgets: dict[str, list[float]] = {}

    def __call__(self, event: str, subject: str, reason: str, now: float, **facts: object) -> None:
        """Log `event` about `subject`, or count it."""
        key = (event, subject, reason)
        entry = self._seen.get(key)
        if entry is not None and now - entry[0] < self._interval:
            entry[1] += 1
            return
        budget = self._budgets.setdefault(event, [now, 0, 0])
        if now - budget[0] >= self._interval:
            self._close_interval(event, budget, now)
        if budget[1] >= self._lines:
            budget[2] += 1
            return
        budget[1] += 1
        if entry is not None and entry[1]:
            facts["left_out"] = int(entry[1])
        if len(self._seen) >= self._keys:
            for old in list(self._seen)[: self._keys // 2]:
                del self._seen[old]
        self._seen[key] = [now, 0]
        self._log(event, subject=subject, reason=reason, **facts)

    def flush(self, now: float) -> None:
        """Say what was left out of intervals that are over; to be called about once a second."""
        for event, budget in self._budgets.items():
            if now - budget[0] >= self._interval:
                self._close_interval(event, budget, now)
        over = [(key, entry) for key, entry in self._seen.items() if now - entry[0] >= self._interval]
        for key, entry in over:
            del self._seen[key]
            if entry[1]:
                event, subject, reason = key
                self._log(event, subject=subject, reason=reason, left_out=int(entry[1]))

    def _close_interval(self, event: str, budget: list[float], now: float) -> None:
        if budget[2]:
            self._log(event, subject="many", reason="too many lines", left_out=int(budget[2]))
        budget[:] = [now, 0, 0]


def set_up_log(process: str, level: str, form: str) -> None:
    """Configure structlog for this process: one line an event on standard error.

    `level` and `form` are the settings log_level and log_format.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    # What libraries log (psycopg, uvicorn) takes the same form; of their chatter only warnings are wanted.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING), force=True)
