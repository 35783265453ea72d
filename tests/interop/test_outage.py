"""Postgres goes away for five seconds in the middle of a load: what was answered is kept, and nobody is wronged."""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from radiusd.store import connections
from radiusd.store.embedded import Embedded, start_or_adopt
from tests.interop.nas import Logins, Nas, Sessions
from tests.running import Launcher, Server, add_client, add_user, until

OUTAGE = 5.0
SOCKETS = 4
PASSWORD = "password"


class Load(threading.Thread):
    """Logins and sessions at the same time, over several sockets so that all workers have some."""

    def __init__(self, server: Server, users: list[str]) -> None:
        super().__init__(name="load")
        self.logins = Logins([(name, PASSWORD) for name in users])
        self.sessions = [Sessions(f"load-{number}-") for number in range(SOCKETS)]
        self.bad_answers = 0
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._load())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._loop.close()

    async def _load(self) -> None:
        async with AsyncExitStack() as stack:
            nases = [
                await stack.enter_async_context(Nas(port))
                for port in [self._server.auth_port] * SOCKETS + [self._server.acct_port] * SOCKETS
            ]
            await asyncio.gather(
                *(self.logins.run(nas, self._over, at_once=2) for nas in nases[:SOCKETS]),
                *(
                    sessions.run(nas, self._over, at_once=4)
                    for nas, sessions in zip(nases[SOCKETS:], self.sessions, strict=True)
                ),
            )
            self.bad_answers = sum(nas.bad_answers for nas in nases)

    def finish(self) -> None:
        """Let every open session be closed in order, then return."""
        self._loop.call_soon_threadsafe(self._over.set)
        self.join(60)
        assert not self.is_alive()
        assert self.error is None

    def accounting_answers(self) -> int:
        return sum(len(sessions.answered) for sessions in self.sessions)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder for the cluster that this test stops: its socket's path is limited."""
    made = Path(tempfile.mkdtemp(prefix="radiusd-outage-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def cluster(folder: Path) -> Iterator[list[Embedded]]:
    """A Postgres of one's own, to be stopped and started; the list's last one is the present one."""
    clusters = [start_or_adopt(folder / "data")]
    yield clusters
    clusters[-1].stop()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher("", tmp_path)
    yield launcher
    for server in launcher.servers:
        server.discard()


@pytest.mark.timeout(180)
def test_five_seconds_without_postgres(cluster: list[Embedded], folder: Path, launch: Launcher) -> None:
    conninfo = connections.url(cluster[0].conninfo)
    server = launch(conninfo)
    users = [f"user{number}" for number in range(50)]
    add_client(conninfo, "127.0.0.1/32", name="here")
    for name in users:
        add_user(conninfo, name, PASSWORD)
    until(server.accepts(users[-1]), 5, "the users are known")

    load = Load(server, users)
    load.start()
    answers = count_of(load)
    until(lambda: answers() > 200 and len(load.logins.accepted) > 200, 30, "the load is under way")

    cluster[0].stop()
    gone_at = time.monotonic()
    until(lambda: server.rest.get(f"{server.url}/readyz").status_code == 503, 4, "/readyz says that Postgres is gone")
    until(lambda: time.monotonic() > gone_at + OUTAGE, OUTAGE + 1, "five seconds pass")
    accepted_meanwhile = sum(moment > gone_at + 1 for moment in load.logins.accepted)
    answered_meanwhile = sum(at > gone_at + 1 for sessions in load.sessions for at in sessions.answered)
    cluster.append(start_or_adopt(folder / "data"))

    before = answers()
    until(lambda: answers() > before + 200, 30, "accounting is answered again")
    until(server.ready, 10, "/readyz is content again")
    load.finish()
    code = server.stop()

    assert accepted_meanwhile > 100, "users who are cached are answered as usual"
    assert answered_meanwhile == 0, "nothing can be answered that was not committed"
    assert load.logins.rejected == []
    assert load.logins.unanswered == 0
    assert [sessions.unanswered for sessions in load.sessions] == [0] * SOCKETS
    assert load.bad_answers == 0
    assert missing_from_radacct(conninfo, load) == []
    assert code == 0


def count_of(load: Load) -> Callable[[], int]:
    def count() -> int:
        assert load.is_alive(), load.error
        return load.accounting_answers()

    return count


def missing_from_radacct(conninfo: str, load: Load) -> list[str]:
    """Name the sessions of which radacct lacks something that was acknowledged."""
    with psycopg.connect(conninfo) as connection:
        rows = {
            session_id: facts
            for session_id, *facts in connection.execute(
                "SELECT acctsessionid, acctstarttime IS NOT NULL, acctstoptime IS NOT NULL,"
                " coalesce(acctsessiontime, 0), coalesce(acctinputoctets, 0) FROM radacct"
            )
        }
        assert connection.execute("SELECT count(*) FROM radacct").fetchone() == (len(rows),), "one row a session"
    lacking = []
    for session_id, told in (item for sessions in load.sessions for item in sessions.told.items()):
        expected = [True, told.status == 2, told.seconds, told.octets]
        if rows.get(session_id) != expected:
            lacking.append(f"{session_id}: told {expected}, found {rows.get(session_id)}")
    return lacking
