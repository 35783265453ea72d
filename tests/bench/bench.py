"""How many requests a second: `make bench`, or `python -m tests.bench.bench` with options.

A Postgres of its own with fsync on, 10,000 users in 20 groups of 5 reply rows, the auth log on, and
tests/bench/radload.c with 64 requests under way: PAP, CHAP, MS-CHAPv2 and accounting (a Start, two interims,
a Stop), each several times over, in turn. Generator, server and database share the cores, as the figures say.
After each run the database is asked whether it holds what was answered. Results go to tests/bench/results
(JSON) and, with --write, to docs/performance.md.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

from radiusd.protocol import mschap
from radiusd.store import connections
from radiusd.store.embedded import start_or_adopt
from tests.running import ROOT, SECRET, Server, add_client, start, until

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = ROOT / "docs/performance.md"
MARKS = ("<!-- figures: written by make bench -->", "<!-- end of figures -->")

GROUPS = 20
MODES = ("pap", "chap", "mschapv2", "acct")
NAMES = {
    "pap": "PAP, Access-Request",
    "chap": "CHAP, Access-Request",
    "mschapv2": "MS-CHAPv2 with MPPE keys",
    "acct": "accounting, committed",
}


@dataclass
class Run:
    """One run of the generator: what it measured, and what it cost each part in CPU seconds."""

    mode: str
    rate: float
    p50_ms: float
    p99_ms: float
    ok: int
    lost: int
    resent: int
    cpu: dict[str, float] = field(default_factory=dict)


def build_generator() -> Path:
    """Compile radload.c where it has changed."""
    source, program = HERE / "radload.c", HERE / "radload"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-o", program, source, "-lcrypto"], check=True)
    return program


def password_of(user: int) -> str:
    return f"password-{user:05d}"


def fill(conninfo: str, users: int) -> None:
    """Write the policy: users spread over the groups, each group with five reply rows."""
    replies = {
        "Session-Timeout": "14400",
        "Idle-Timeout": "600",
        "Acct-Interim-Interval": "300",
        "MS-Primary-DNS-Server": "192.0.2.53",
        "Framed-Protocol": "PPP",
    }
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY radcheck (username, attribute, op, value) FROM STDIN") as copy:
            for user in range(users):
                copy.write_row((f"user{user}", "Cleartext-Password", ":=", password_of(user)))
        with cursor.copy("COPY radusergroup (username, groupname, priority) FROM STDIN") as copy:
            for user in range(users):
                copy.write_row((f"user{user}", f"group{user % GROUPS}", 1))
        with cursor.copy("COPY radgroupreply (groupname, attribute, op, value) FROM STDIN") as copy:
            for group in range(GROUPS):
                for attribute, value in replies.items():
                    copy.write_row((f"group{group}", attribute, ":=", value))
    add_client(conninfo, "127.0.0.1/32", name="bench", kind="pptpd")


def write_users(path: Path, users: int) -> None:
    """Write the generator's file, with MS-CHAPv2 responses worked out beforehand (RFC 2759 section 4)."""
    with path.open("w") as file:
        for user in range(users):
            challenge, peer_challenge = os.urandom(16), os.urandom(16)
            nt_hash = mschap.nt_hash(password_of(user).encode())
            digest = mschap.challenge_hash(peer_challenge, challenge, f"user{user}".encode())
            nt_response = mschap.challenge_response(digest, nt_hash)
            response = bytes(2) + peer_challenge + bytes(8) + nt_response
            file.write(f"user{user} {password_of(user)} {challenge.hex()} {response.hex()}\n")


def cpu_seconds(pids: list[int]) -> float:
    """Add up the user and system time of processes."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Name a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


class Bench:
    """A server under test and the means to measure it."""

    def __init__(
        self, server: Server, postgres: int, generator: Path, users: Path, arguments: argparse.Namespace
    ) -> None:
        self.server = server
        self.postgres = postgres
        self.generator = generator
        self.users = users
        self.arguments = arguments

    def measure(self, mode: str, seconds: float) -> Run:
        """Run the generator once; fail when anything was rejected, lost to the database, or wrong."""
        self.server.sql("CHECKPOINT")
        logins, sessions = self.count("radpostauth"), self.count("radacct WHERE acctstoptime IS NOT NULL")
        parts = {"workers": self.server.workers(), "postgres": family(self.postgres)}
        before = {name: cpu_seconds(pids) for name, pids in parts.items()}
        children = os.times()
        port = self.server.acct_port if mode == "acct" else self.server.auth_port
        options = {"m": mode, "p": port, "u": self.users, "d": seconds, "w": self.arguments.window, "s": SECRET}
        ran = subprocess.run(
            [self.generator, *(str(word) for key, value in options.items() for word in (f"-{key}", value))],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode == 2:
            raise SystemExit(ran.stderr)
        said = json.loads(ran.stdout)
        if said["rejected"] or said["bad"] or said["other"]:
            raise SystemExit(f"the server gave wrong answers: {said}")
        cpu = {name: cpu_seconds(pids) - before[name] for name, pids in parts.items()}
        cpu["generator"] = sum(os.times()[2:4]) - sum(children[2:4])
        if mode == "acct":
            found = self.count("radacct WHERE acctstoptime IS NOT NULL") - sessions
            if found < said["stops"]:
                raise SystemExit(f"{said['stops']} Stops were answered, but radacct holds {found}")
        else:
            until(lambda: self.count("radpostauth") - logins >= said["ok"], 30, "the auth log holds every login")
        return Run(mode, said["rate"], said["p50_ms"], said["p99_ms"], said["ok"], said["lost"], said["resent"], cpu)

    def count(self, what: str) -> int:
        with psycopg.connect(self.server.conninfo) as connection:
            row = connection.execute(f"SELECT count(*) FROM {what}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])

    def profile(self, mode: str, seconds: float) -> Path:
        """Look into the first worker with py-spy while the generator runs; prints where its time goes."""
        target = RESULTS / f"profile-{mode}.txt"
        # py-spy beside this interpreter wins over one elsewhere.
        program = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "py-spy"
        # Without --native: what C code costs is charged to the Python function that called it.
        options = ["--duration", str(round(seconds)), "--rate", "400", "--function", "--format", "raw"]
        recording = subprocess.Popen(
            [program, "record", "--pid", str(self.server.workers()[0]), *options, "--output", target],
            stdout=subprocess.DEVNULL,
        )
        self.measure(mode, seconds + 2)
        recording.wait(60)
        leaves: dict[str, int] = {}
        for line in target.read_text().splitlines():
            stack, _, samples = line.rpartition(" ")
            leaf = stack.rpartition(";")[2]
            if leaf.startswith("_worker (concurrent/"):
                continue  # a thread of the pool that waits for work
            leaves[leaf] = leaves.get(leaf, 0) + int(samples)
        total = sum(leaves.values()) or 1
        print(f"\n{mode}: where a worker's time goes ({target})")
        for leaf, samples in sorted(leaves.items(), key=lambda item: -item[1])[:25]:
            print(f"  {samples * 100 / total:5.1f} %  {leaf}")
        return target


@contextlib.contextmanager
def running(arguments: argparse.Namespace) -> Iterator[Bench]:
    """Start Postgres and radiusd with the policy, and end both."""
    # Not /tmp: where that is in memory, fsync would cost nothing.
    folder = Path(tempfile.mkdtemp(prefix="radiusd-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    postgres = start_or_adopt(folder / "data")
    try:
        conninfo = connections.url(postgres.conninfo)
        subprocess.run(
            [sys.executable, "-m", "radiusd", "db", "upgrade"],
            check=True,
            cwd=ROOT,
            env=os.environ | {"RADIUSD_DATABASE_URL": conninfo},
        )
        fill(conninfo, arguments.users)
        write_users(folder / "users", arguments.users)
        server = start(conninfo, folder / "radiusd", workers=arguments.workers, log_level="warning")
        try:
            yield Bench(server, postgres.pid, build_generator(), folder / "users", arguments)
            if server.stop() != 0:
                raise SystemExit(f"radiusd did not stop in order:\n{server.log}")
        finally:
            server.discard()
    finally:
        postgres.stop()
        shutil.rmtree(folder)


def machine() -> str:
    """Say in one line what this was measured on."""
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def table(runs: list[Run]) -> str:
    """Show medians and spread, one line a kind of request."""
    lines = [
        "| | a second: median (least to most) | p50 ms | p99 ms | sent again | CPU µs a request: workers, Postgres |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for mode in dict.fromkeys(run.mode for run in runs):
        mine = [run for run in runs if run.mode == mode]
        rates = [run.rate for run in mine]
        cost = [statistics.median(run.cpu[part] / run.ok * 1e6 for run in mine) for part in ("workers", "postgres")]
        p50, p99 = (statistics.median(getattr(run, name) for run in mine) for name in ("p50_ms", "p99_ms"))
        lines.append(
            f"| {NAMES[mode]} | **{statistics.median(rates):,.0f}** ({min(rates):,.0f} to {max(rates):,.0f})"
            f" | {p50:.1f} | {p99:.1f} | {sum(run.resent for run in mine)} | {cost[0]:.0f}, {cost[1]:.0f} |"
        )
    return "\n".join(lines)


def write_page(text: str) -> None:
    """Put the figures into docs/performance.md, between its two marks."""
    page = PAGE.read_text()
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def main() -> None:
    """Measure, and say it on stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three short runs each")
    parser.add_argument("--repeat", type=int, help="runs each (5)")
    parser.add_argument("--seconds", type=float, help="length of a run (6)")
    parser.add_argument("--modes", default=",".join(MODES), help="which, separated by commas")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--window", type=int, default=64, help="requests under way")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="py-spy on a worker instead of figures")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    arguments = parser.parse_args()
    repeat = arguments.repeat or (3 if arguments.quick else 5)
    seconds = arguments.seconds or (2.0 if arguments.quick else 6.0)
    modes = arguments.modes.split(",")
    RESULTS.mkdir(exist_ok=True)
    runs: list[Run] = []
    with running(arguments) as bench:
        for mode in modes:
            bench.measure(mode, 1.0)  # caches and connections are warm after this
        if arguments.profile:
            for mode in modes:
                bench.profile(mode, max(seconds, 6.0))
            return
        for turn in range(repeat):
            for mode in modes:
                runs.append(bench.measure(mode, seconds))
                print(f"{turn + 1}/{repeat} {mode}: {runs[-1].rate:,.0f} a second", file=sys.stderr)
        version = bench.server.sql("SHOW server_version")[0][0]
    about = (
        f"Measured {time.strftime('%Y-%m-%d')} on {machine()}, PostgreSQL {version} with fsync on the same machine;"
        f" {arguments.users:,} users in {GROUPS} groups, auth log on, {arguments.workers} workers,"
        f" {arguments.window} requests under way; {repeat} runs of {seconds:g} s each."
    )
    figures = table(runs)
    (RESULTS / "latest.json").write_text(json.dumps({"about": about, "runs": [asdict(run) for run in runs]}, indent=1))
    print(f"{about}\n\n{figures}")
    if arguments.write:
        write_page(f"{about}\n\n{figures}")


if __name__ == "__main__":
    main()
