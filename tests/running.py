"""A radiusd that really runs, for tests that talk to it as its users do: over UDP, REST, SQL and signals.

`start` gives a `Server`; the fixtures of tests/interop end it and check how it left. Waiting is done by
`until`, which looks again and again and has a deadline.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import httpx
import psycopg
from prometheus_client.parser import text_string_to_metric_families
from psycopg.sql import SQL

ROOT = Path(__file__).resolve().parents[1]
SECRET = "testing123"
READY_WITHIN = 40.0
STOP_WITHIN = 10.0
# Below the ports that the kernel hands out by itself, so that no client takes one between choice and use.
PORTS = range(20000, 32000)

T = TypeVar("T")


def until(look: Callable[[], T], within: float, what: str) -> T:
    """Return the first truthy result of `look`; fail with `what` and the last result after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}; last seen: {seen!r}")
        time.sleep(0.02)


def free_ports(number: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> list[int]:
    """Choose ports that nobody has on any address."""
    found: list[int] = []
    for port in random.sample(PORTS, 200):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            found.append(port)
        if len(found) == number:
            return found
    raise RuntimeError("there is no free port")


@dataclass(frozen=True)
class Answer:
    """What radclient received: `code` is None for silence; attributes as radclient prints them, in order."""

    code: str | None
    attributes: list[tuple[str, str]]
    seconds: float
    output: str

    @property
    def accepted(self) -> bool:
        return self.code == "Access-Accept"

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise KeyError(f"no {name} in:\n{self.output}")
        return values[0]

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def radclient(
    port: int,
    command: str,
    attributes: Mapping[str, object] | Iterable[tuple[str, object]],
    secret: str = SECRET,
    *,
    tries: int = 1,
    timeout: float = 5.0,
) -> Answer:
    """Send one request with Debian's radclient; `Packet-Src-IP-Address` chooses where it comes from.

    Values are written as they are into radclient's own notation, in quotes where they hold more than a word.
    """
    pairs = attributes.items() if isinstance(attributes, Mapping) else attributes
    text = "\n".join(f"{name} = {_notation(value)}" for name, value in pairs) + "\n"
    started = time.monotonic()
    ran = subprocess.run(
        ["radclient", "-x", "-r", str(tries), "-t", str(timeout), f"127.0.0.1:{port}", command, secret],
        input=text,
        capture_output=True,
        text=True,
        timeout=tries * timeout + 20,
        check=False,
    )
    output = ran.stdout + ran.stderr
    if "radclient: " in output or not re.search(r"^Sent ", output, re.MULTILINE):
        raise AssertionError(f"radclient did not send:\n{text}{output}")
    seconds = time.monotonic() - started
    received = re.search(r"^Received (\S+) Id .*\n((?:\t.*\n?)*)", output, re.MULTILINE)
    if received is None or "verification failed" in output:
        return Answer(None, [], seconds, output)
    shown = [line.strip().split(" = ", 1) for line in received[2].splitlines()]
    return Answer(received[1], [(name, value.strip('"')) for name, value in shown], seconds, output)


def _notation(value: object) -> str:
    text = str(value)
    if re.fullmatch(r"[\w.:/@-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass
class Server:
    """A running `radiusd serve`."""

    process: subprocess.Popen[bytes]
    conninfo: str
    auth_port: int
    acct_port: int
    admin_port: int
    workers_wanted: int
    token: str
    log_file: Path
    rest: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.rest = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {self.token}"}, timeout=10
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def ready(self) -> bool:
        """Ask /readyz whether all is there and every worker answers; fail at once when the process has gone."""
        if self.process.poll() is not None:
            raise AssertionError(f"radiusd left with exit code {self.process.returncode}:\n{self.log}")
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5)
        except httpx.TransportError:
            return False
        workers = [worker["ready"] for worker in answer.json()["workers"]]
        return answer.status_code == 200 and workers == [True] * self.workers_wanted

    def sql(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement as any tool beside the server would, in a connection and transaction of its own."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(SQL(query), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def auth(self, attributes: Mapping[str, object] | Iterable[tuple[str, object]], **options: Any) -> Answer:
        return radclient(self.auth_port, "auth", attributes, **options)

    def acct(self, attributes: Mapping[str, object] | Iterable[tuple[str, object]], **options: Any) -> Answer:
        return radclient(self.acct_port, "acct", attributes, **options)

    def status(self, port: int, **options: Any) -> Answer:
        return radclient(port, "status", {"Message-Authenticator": "0x00"}, **options)

    def metric(self, name: str, **labels: str) -> float:
        """Add up the samples called `name` in /metrics that carry these labels; 0.0 when there is none."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).raise_for_status().text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """Run `radiusd …` against the same database; returns what it printed."""
        ran = subprocess.run(
            [sys.executable, "-m", "radiusd", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
            env=environment({"RADIUSD_DATABASE_URL": self.conninfo}),
        )
        assert ran.returncode == 0, f"radiusd {' '.join(arguments)} left with {ran.returncode}:\n{ran.stderr}"
        return ran.stdout

    def children(self) -> list[int]:
        """Name the processes that the supervisor has started."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def holders(self, protocol: str, port: int) -> list[int]:
        """Name those children that have a socket of "udp" or "tcp" bound to a port of 127.0.0.1."""
        lines = [line.split() for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]]
        ours = {f"socket:[{line[9]}]" for line in lines if line[1] == f"0100007F:{port:04X}"}
        return [pid for pid in self.children() if ours & set(_open_files(pid))]

    def workers(self) -> list[int]:
        """Name the worker processes."""
        return self.holders("udp", self.auth_port)

    def add_client(self, network: str, secret: str = SECRET, name: str | None = None, **ours: object) -> None:
        """Add a row of nas, and with `ours` columns of radiusd.client (kind, reap_grace, …), by SQL."""
        add_client(self.conninfo, network, secret, name, **ours)

    def add_user(self, name: str, password: str = "password", groups: Iterable[str] = ()) -> None:
        add_user(self.conninfo, name, password, groups)

    def add_group(self, name: str, **reply: object) -> None:
        add_group(self.conninfo, name, **reply)

    def accepts(self, user_name: str, password: str = "password") -> Callable[[], Answer | None]:
        """Make a condition for `until`: the user's PAP login is accepted."""
        return lambda: next((a for a in [self.auth(pap(user_name, password))] if a.accepted), None)

    def stop(self) -> int:
        """Stop it as an operator does; returns the exit code and fails when that takes over `STOP_WITHIN` seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"radiusd did not stop within {STOP_WITHIN:g} s:\n{self.log}") from None
        finally:
            self.discard()

    def discard(self) -> None:
        """End it by force, whatever state it is in, with all its processes; their group is its own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.rest.close()


def _open_files(pid: int) -> Iterator[str]:
    """Read what a process has open; one that ends meanwhile has nothing."""
    with contextlib.suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            yield str(entry.readlink())


def pap(user_name: str, password: str = "password", **more: object) -> dict[str, object]:
    """Make an Access-Request's attributes for radclient."""
    return {"User-Name": user_name, "User-Password": password, "NAS-IP-Address": "127.0.0.1", "NAS-Port": 1} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of a radiusd: this process's own without its settings, and then these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RADIUSD_")}
    return kept | dict(settings)


def launch(folder: Path, settings: Mapping[str, object], *arguments: str) -> subprocess.Popen[bytes]:
    """Start `radiusd serve` with its output in folder/log; settings by their names without RADIUSD_."""
    given = {f"RADIUSD_{name.upper()}": str(value) for name, value in settings.items()}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "radiusd", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment(given),
            start_new_session=True,
        )


def start(conninfo: str, folder: Path, *arguments: str, **settings: object) -> Server:
    """Start a server on free ports of 127.0.0.1 and wait for /readyz; `settings` as in radiusd.toml."""
    auth_port, acct_port = free_ports(2)
    admin_port = free_ports(1, socket.SOCK_STREAM)[0]
    token = "rd_test_bootstrap_token_of_the_tests"
    chosen: dict[str, object] = {
        "database_url": conninfo,
        "data_dir": folder / "data",
        "bind": "127.0.0.1",
        "auth_port": auth_port,
        "acct_port": acct_port,
        "admin_port": admin_port,
        "admin_token": token,
        "reject_delay": 0,
        "workers": 2,
        "log_format": "json",
    }
    folder.mkdir(parents=True, exist_ok=True)
    chosen |= settings
    wanted = int(str(chosen["workers"]))
    process = launch(folder, chosen, *arguments)
    server = Server(process, conninfo, auth_port, acct_port, admin_port, wanted, token, folder / "log")
    try:
        until(server.ready, READY_WITHIN, "radiusd answers /readyz with 200")
    except BaseException as error:
        server.discard()
        error.add_note(f"radiusd's log:\n{server.log}")
        raise
    return server


class Launcher:
    """Starts servers for one test, and ends those that the test left running."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo = conninfo
        self.folder = folder
        self.servers: list[Server] = []

    def __call__(self, conninfo: str | None = None, **settings: object) -> Server:
        folder = self.folder / f"radiusd-{len(self.servers)}"
        server = start(conninfo or self.conninfo, folder, **settings)
        self.servers.append(server)
        return server


def add_client(conninfo: str, network: str, secret: str = SECRET, name: str | None = None, **ours: object) -> None:
    """Add a row of nas and, where `ours` are given, its row of radiusd.client, as SQL of another tool."""
    name = name or network
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "INSERT INTO nas (nasname, shortname, type, secret) VALUES (%s, %s, 'other', %s) RETURNING id",
            (network, name, secret),
        ).fetchone()
        assert row is not None
        if ours:
            columns = {"nas_id": row[0], "name": name} | ours
            query = SQL("INSERT INTO radiusd.client ({}) VALUES ({})").format(
                SQL(", ").join(map(psycopg.sql.Identifier, columns)), SQL(", ").join([SQL("%s")] * len(columns))
            )
            connection.execute(query, list(columns.values()))


def add_user(conninfo: str, name: str, password: str = "password", groups: Iterable[str] = ()) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "INSERT INTO radcheck (username, attribute, op, value) VALUES (%s, 'Cleartext-Password', ':=', %s)",
            (name, password),
        )
        for priority, group in enumerate(groups, 1):
            connection.execute(
                "INSERT INTO radusergroup (username, groupname, priority) VALUES (%s, %s, %s)", (name, group, priority)
            )


def add_group(conninfo: str, name: str, **reply: object) -> None:
    """Add a group's reply rows; Session_Timeout=60 stands for Session-Timeout := 60."""
    with psycopg.connect(conninfo) as connection:
        for attribute, value in reply.items():
            connection.execute(
                "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES (%s, %s, ':=', %s)",
                (name, attribute.replace("_", "-"), str(value)),
            )


def missing(*programs: str) -> list[str]:
    """Name those of the programs that are not installed (sbin counts, whatever PATH says)."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [program for program in programs if shutil.which(program, path=path) is None]
