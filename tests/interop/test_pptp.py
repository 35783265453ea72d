"""A real pptpd with pppd's RADIUS client and a real PPTP client, in a small virtual machine, against this server.

The machine boots once and its scenario `promises` (tests/interop/pptp) makes four links; the tests
look at what each of them saw, at the packets, and at what the server holds of it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.running import ROOT, SECRET, Server, add_client, add_group, add_user, start, until

pytestmark = [
    pytest.mark.interop("qemu-system-x86_64", "debootstrap", root=True),
    pytest.mark.timeout(900),
]

LAB = ROOT / "tests/interop/pptp"
PASSWORD = "pptp password"
SESSION_TIMEOUT = 20
IDLE_TIMEOUT = 8
# pppd raises anything below to this.
INTERIM = 60


class Machine:
    """A run of the lab: its folder, the events its guest reports, and the files the guest waits for."""

    def __init__(self, scenario: str, folder: Path, server: Server, **settings: object) -> None:
        self.folder = folder
        pairs = {
            "OUT": folder,
            "RADIUS_AUTH_PORT": server.auth_port,
            "RADIUS_ACCT_PORT": server.acct_port,
            "RADIUS_SECRET": SECRET,
        } | settings
        with folder.with_suffix(".json").open("wb") as summary, folder.with_suffix(".stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                [LAB / "run.sh", scenario, *(f"{key}={value}" for key, value in pairs.items())],
                stdin=subprocess.DEVNULL,
                stdout=summary,
                stderr=errors,
                start_new_session=True,
            )

    def events(self) -> list[dict[str, Any]]:
        path = self.folder / "events.jsonl"
        whole = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in whole[: whole.rfind("\n") + 1].splitlines()]

    def awaits(self, name: str) -> Callable[[], bool]:
        """Make a condition for `until`: the guest waits for go.NAME."""

        def look() -> bool:
            assert self.process.poll() is None, f"the machine has ended: {self.story()}"
            return any(event["event"] == "awaiting" and event["name"] == name for event in self.events())

        return look

    def go(self, name: str) -> None:
        (self.folder / f"go.{name}").touch()

    def summary(self) -> dict[str, Any]:
        """Wait for the end of the run and read what it says."""
        code = self.process.wait(120)
        assert code in {0, 2}, self.story()
        found: dict[str, Any] = json.loads(self.folder.with_suffix(".json").read_text())
        return found

    def story(self) -> str:
        """Tell all that is known of a run that went wrong."""
        parts = [self.folder.with_suffix(".stderr"), *(self.folder / name for name in ("events.jsonl", "console.log"))]
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in parts if path.exists())

    def discard(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


@dataclass(frozen=True)
class Lab:
    """The run and the server it talked to; `listed` and `shown` are the active sessions while links were up."""

    server: Server
    summary: dict[str, Any]
    listed: dict[str, dict[str, Any]]
    shown: str
    interim_seen: float

    def link(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.summary["links"][name]
        return found

    def packets(self, user: str, status: str | None = None) -> list[dict[str, Any]]:
        """Name the requests about a user, of one Acct-Status-Type, with their attributes as a mapping."""
        return [
            exchange | {"attributes": attributes}
            for exchange in self.summary["radius"]
            if (attributes := dict(exchange["attributes"])).get("User-Name") == user
            and (status is None or exchange.get("status") == status)
        ]

    def radacct(self, user: str) -> dict[str, Any]:
        (found,) = self.server.sql("SELECT to_jsonb(radacct) FROM radacct WHERE username = %s", user)
        row: dict[str, Any] = found[0]
        return row

    def session(self, user: str) -> dict[str, Any]:
        (found,) = self.server.rest.get("/sessions", params={"username": user}).raise_for_status().json()["items"]
        session: dict[str, Any] = found
        return session


@pytest.fixture(scope="module")
def image() -> None:
    """Build the machine where this computer has none yet; it takes a minute or two."""
    built = subprocess.run([LAB / "build.sh"], capture_output=True, text=True, timeout=800, check=False)
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def vpn_server(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the lab: its NAS is forgotten one missed interim and a second after it was last heard."""
    add_client(module_database, "127.0.0.1/32", name="vpn", kind="pptpd", reap_missed_interims=1, reap_grace=1)
    add_group(
        module_database,
        "vpn",
        Acct_Interim_Interval=INTERIM,
        MS_MPPE_Encryption_Policy="Encryption-Required",
        MS_MPPE_Encryption_Types=4,  # 128 bits (RFC 2548 section 2.4.5); FreeRADIUS's names for these bits are wrong
    )
    add_group(module_database, "capped", Session_Timeout=SESSION_TIMEOUT)
    add_group(module_database, "quiet", Idle_Timeout=IDLE_TIMEOUT)
    for name in ("capped", "quiet"):
        add_group(module_database, name, Acct_Interim_Interval=INTERIM)
        add_user(module_database, name, PASSWORD, [name])
    for name in ("plain", "orphan"):
        add_user(module_database, name, PASSWORD, ["vpn"])
    server = start(module_database, tmp_path_factory.mktemp("radiusd"))
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def lab(image: None, vpn_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Let the scenario run from boot to power off, and look at the server while its links are up."""
    server = vpn_server
    folder = tmp_path_factory.mktemp("pptp") / "run"
    machine = Machine("promises", folder, server, PASSWORD=PASSWORD)
    try:
        until(machine.awaits("listed"), 150, "all links have been made")
        listed = server.rest.get("/sessions", params={"state": "active"}).raise_for_status().json()["items"]
        shown = server.cli("session", "list", "--state", "active")
        machine.go("listed")
        reported = "SELECT 1 FROM radacct WHERE username IN ('plain', 'orphan') AND acctsessiontime >= 60"
        until(lambda: len(server.sql(reported)) == 2, INTERIM + 40, "both sessions have sent an interim")
        seen = time.time()
        until(machine.awaits("interims-seen"), 60, "the guest has done with the other links")
        machine.go("interims-seen")
        summary = machine.summary()
    except BaseException as error:
        error.add_note(machine.story())
        raise
    finally:
        machine.discard()
    return Lab(server, summary, {session["username"]: session for session in listed}, shown, seen)


@pytest.mark.parametrize("name", ["capped", "quiet", "plain", "orphan"])
def test_mschapv2_and_mppe_128_come_up(lab: Lab, name: str) -> None:
    link = lab.link(name)
    assert link["up"], link
    assert link["mppe"] == ["128-bit stateless", "128-bit stateless"]
    request = lab.packets(name)[0]
    assert "MS-CHAP2-Response" in request["attributes"]
    assert request["reply"] == "Access-Accept"
    assert request["reply_attributes"][0][0] == "Message-Authenticator"


def test_ping_passes_and_is_not_seen_in_clear(lab: Lab) -> None:
    assert lab.link("plain")["pings"] == [[5, 5]]
    assert lab.link("plain")["in_clear"] is False


def test_the_policy_reaches_pppd(lab: Lab) -> None:
    assert lab.link("capped")["reply"]["Session-Timeout"] == str(SESSION_TIMEOUT)
    assert lab.link("quiet")["reply"]["Idle-Timeout"] == str(IDLE_TIMEOUT)
    assert lab.link("plain")["reply"]["Acct-Interim-Interval"] == str(INTERIM)
    answer = dict(lab.packets("plain")[0]["reply_attributes"])
    assert (answer["MS-MPPE-Encryption-Policy"], answer["MS-MPPE-Encryption-Types"]) == ("0x00000002", "0x00000004")


def test_session_timeout_cuts_the_link(lab: Lab) -> None:
    link = lab.link("capped")
    assert "Connect time expired" in link["server_log"]
    assert SESSION_TIMEOUT - 1 <= link["connect_time"] <= SESSION_TIMEOUT + 5
    row = lab.radacct("capped")
    assert row["acctterminatecause"] == "Session-Timeout"
    assert SESSION_TIMEOUT - 1 <= row["acctsessiontime"] <= SESSION_TIMEOUT + 5


def test_idle_timeout_cuts_the_link(lab: Lab) -> None:
    link = lab.link("quiet")
    assert any("lack of activity" in line for line in link["server_log"])
    assert IDLE_TIMEOUT - 1 <= link["down_at"] - link["silent_at"] <= IDLE_TIMEOUT + 10
    assert lab.radacct("quiet")["acctterminatecause"] == "Idle-Timeout"


def test_start_interim_and_stop_are_in_radacct(lab: Lab) -> None:
    for status in ("Start", "Interim-Update", "Stop"):
        packets = lab.packets("plain", status)
        assert packets, status
        assert {packet["reply"] for packet in packets} == {"Accounting-Response"}
    stop = lab.packets("plain", "Stop")[0]["attributes"]
    row = lab.radacct("plain")
    assert row["acctstarttime"] < row["acctupdatetime"] <= row["acctstoptime"]
    assert row["acctterminatecause"] == "User-Request"
    assert row["acctsessiontime"] == stop["Acct-Session-Time"] >= INTERIM
    assert row["acctinputoctets"] == stop["Acct-Input-Octets"] > 0
    assert row["acctoutputoctets"] == stop["Acct-Output-Octets"] > 0
    assert row["framedipaddress"] == lab.link("plain")["ip"]
    assert row["callingstationid"] == lab.link("plain")["calling_station"]
    assert lab.session("plain")["closed_by"] == "nas"


def test_the_active_sessions_are_listed_while_they_live(lab: Lab) -> None:
    for name in ("plain", "orphan"):
        session = lab.listed[name]
        assert (session["state"], session["client"], session["group"]) == ("active", "vpn", "vpn")
        assert session["framed_ip"] == lab.link(name)["ip"]
        assert session["calling_station_id"] == lab.link(name)["calling_station"]
        assert name in lab.shown
    assert lab.session("plain")["state"] == "closed"


def test_one_acct_session_id_of_two_users_is_two_sessions(lab: Lab) -> None:
    ids = {name: lab.packets(name, "Start")[0]["attributes"]["Acct-Session-Id"] for name in ("capped", "quiet")}
    assert ids["capped"] == ids["quiet"], "ppp 2.4.9 makes the id of the second alone, and both called in one"
    rows = lab.server.sql("SELECT username FROM radacct WHERE acctsessionid = %s ORDER BY username", ids["quiet"])
    assert rows == [("capped",), ("quiet",)]
    assert lab.session("capped")["id"] != lab.session("quiet")["id"]
    assert lab.session("capped")["framed_ip"] == lab.link("capped")["ip"]
    assert lab.session("quiet")["framed_ip"] == lab.link("quiet")["ip"]


def test_a_session_whose_pppd_was_killed_is_reaped_at_its_last_interim(lab: Lab) -> None:
    assert "kill_server_pppd" in lab.link("orphan")["actions"]
    assert lab.packets("orphan", "Stop") == []
    until(lambda: lab.session("orphan")["state"] == "closed", 2 * INTERIM, "the reaper has closed the session")
    session, row = lab.session("orphan"), lab.radacct("orphan")
    assert session["closed_by"] == "reaper"
    last = lab.packets("orphan", "Interim-Update")[-1]["attributes"]
    assert row["acctsessiontime"] == last["Acct-Session-Time"]
    assert row["acctinputoctets"] == last["Acct-Input-Octets"]
    assert row["acctstoptime"] == row["acctupdatetime"]
    ((stop, closed_after),) = lab.server.sql(
        """SELECT extract(epoch FROM r.acctstoptime)::float8, extract(epoch FROM s.closed_at - s.last_seen)::float8
           FROM radacct r JOIN radiusd.session s USING (acctuniqueid) WHERE r.username = 'orphan'"""
    )
    assert abs(stop - lab.interim_seen) < 5, "not the time of the closing"
    assert closed_after >= INTERIM + 1
