"""The processes of `radiusd serve`: one that dies is replaced, an end is orderly, a vain start says why."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes
from radiusd.protocol.packet import Packet
from tests.interop.nas import Logins, Nas, Sessions
from tests.running import Launcher, environment, free_ports, launch, until

PASSWORD = "password"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestDeath:
    def test_of_a_worker_it_is_replaced_and_logins_go_on(self, run_server: Launcher) -> None:
        server = run_server(workers=2)
        server.add_user("bob", PASSWORD)
        until(server.accepts("bob"), 5, "bob is accepted")
        workers = server.workers()
        assert len(workers) == 2
        victim = workers[0]

        async def scene() -> Logins:
            stop = asyncio.Event()
            logins = Logins([("bob", PASSWORD)])
            async with AsyncExitStack() as stack:
                # Several sources: SO_REUSEPORT spreads them over the workers.
                nases = [await stack.enter_async_context(Nas(server.auth_port)) for _ in range(16)]
                running = [asyncio.create_task(logins.run(nas, stop, at_once=1)) for nas in nases]
                await condition(lambda: len(logins.accepted) > 100, 10)
                os.kill(victim, signal.SIGKILL)
                await condition(lambda: len(now := server.workers()) == 2 and victim not in now, 15)
                await condition(server.ready, 15)
                seen = len(logins.accepted)
                await condition(lambda: len(logins.accepted) > seen + 100, 10)
                stop.set()
                await asyncio.gather(*running)
            return logins

        logins = asyncio.run(scene())
        assert logins.rejected == []
        assert logins.unanswered == 0
        assert "process-died" in server.log

    def test_of_the_admin_side_it_is_replaced(self, run_server: Launcher) -> None:
        server = run_server(workers=1)
        (admin,) = server.holders("tcp", server.admin_port)
        os.kill(admin, signal.SIGKILL)
        until(lambda: not alive(admin), 5, "it is dead")
        until(server.ready, 20, "/readyz answers again")

    def test_of_the_supervisor_nobody_outlives_it(self, run_server: Launcher) -> None:
        server = run_server(workers=2)
        family = server.children()
        assert len(family) >= 3
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(5)
        until(lambda: not any(alive(pid) for pid in family), 10, "all processes have gone")


async def condition(look: Callable[[], object], within: float) -> None:
    """Wait as `until` does, and let the loop's other tasks run."""
    deadline = time.monotonic() + within
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


class TestEnd:
    def test_what_was_answered_is_kept_and_nothing_is_left_behind(self, run_server: Launcher) -> None:
        server = run_server(workers=2)
        family = server.children()

        async def scene() -> list[Sessions]:
            stop = asyncio.Event()
            loads = [Sessions(f"end-{number}-") for number in range(3)]
            async with AsyncExitStack() as stack:
                nases = [await stack.enter_async_context(Nas(server.acct_port, tries=1, retry=3)) for _ in loads]
                running = [
                    asyncio.create_task(load.run(nas, stop, at_once=8)) for nas, load in zip(nases, loads, strict=True)
                ]
                await condition(lambda: all(len(load.answered) > 50 for load in loads), 15)
                server.process.send_signal(signal.SIGTERM)
                stop.set()
                await asyncio.gather(*running)
            return loads

        loads = asyncio.run(scene())
        assert server.stop() == 0
        until(lambda: not any(alive(pid) for pid in family), 5, "all processes have gone")
        told = {session_id: facts for load in loads for session_id, facts in load.told.items()}
        found = dict(server.sql("SELECT acctsessionid, coalesce(acctsessiontime, 0) FROM radacct"))
        assert [name for name, facts in told.items() if found.get(name, -1) < facts.seconds] == []

    def test_rejects_that_wait_are_sent_before_it_leaves(self, run_server: Launcher) -> None:
        server = run_server(workers=1, reject_delay=5)
        attributes = [(types.USER_NAME, b"nobody"), (types.USER_PASSWORD, b"guess")]

        async def scene() -> list[Packet | None]:
            async with Nas(server.auth_port, retry=12, tries=1) as nas:
                asked = [asyncio.create_task(nas.ask(codes.ACCESS_REQUEST, attributes)) for _ in range(4)]
                taken = lambda: server.metric("radiusd_packets_total", port="auth", outcome="reply") >= 4  # noqa: E731
                await condition(taken, 4)
                server.process.send_signal(signal.SIGTERM)
                return await asyncio.gather(*asked)

        answers = asyncio.run(scene())
        assert [answer and answer.code for answer in answers] == [codes.ACCESS_REJECT] * 4
        assert server.stop() == 0


class TestStartThatCannotBe:
    def end_of(self, folder: Path, **settings: object) -> tuple[int, list[str]]:
        """Start a server that must give up; returns its exit code and the lines it said."""
        process = launch(folder, {"bind": "127.0.0.1", "log_format": "json", "data_dir": folder} | settings)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return code, (folder / "log").read_text().splitlines()

    def test_a_taken_udp_port(self, database: str, tmp_path: Path) -> None:
        auth, acct = free_ports(2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            # Even to a program that would share it.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            taken.bind(("127.0.0.1", acct))
            code, said = self.end_of(tmp_path, database_url=database, auth_port=auth, acct_port=acct, admin_port=0)
        assert code == 1
        assert str(acct) in said[-1]
        assert "RADIUSD_ACCT_PORT" in said[-1]
        assert "Traceback" not in "\n".join(said)

    def test_a_taken_admin_port(self, database: str, tmp_path: Path) -> None:
        auth, acct = free_ports(2)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, said = self.end_of(tmp_path, database_url=database, auth_port=auth, acct_port=acct, admin_port=port)
        assert code == 1
        assert str(port) in said[-1]
        assert "RADIUSD_ADMIN_PORT" in said[-1]

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("auth_port", "radius"),
            ("reject_delay", "60"),
            ("workers", "0"),
            ("bind", "vpn.example"),
            ("log_level", "x"),
        ],
    )
    def test_a_setting_that_cannot_be(self, database: str, tmp_path: Path, setting: str, value: str) -> None:
        code, said = self.end_of(tmp_path, database_url=database, **{setting: value})
        assert code == 2
        assert len(said) == 1
        assert setting in said[0]

    def test_a_config_file_that_is_none(self, tmp_path: Path) -> None:
        config = tmp_path / "radiusd.toml"
        config.write_text("auth_prot = 1812\n")
        ran = subprocess.run(
            [sys.executable, "-m", "radiusd", "serve", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=environment({}),
        )
        assert ran.returncode == 2
        assert len(ran.stderr.splitlines()) == 1
        assert "auth_prot" in ran.stderr

    def test_a_database_that_is_not_there(self, tmp_path: Path) -> None:
        auth, acct = free_ports(2)
        code, said = self.end_of(
            tmp_path, database_url="http://db", auth_port=auth, acct_port=acct, admin_port=free_ports(1)[0]
        )
        assert code == 2
        assert len(said) == 1
