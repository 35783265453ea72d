#!/usr/bin/env python3
"""Say as JSON what happened in a run of the lab: on stdout and in the run's folder as summary.json."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import radius_pcap

Event = dict[str, Any]

# What pppd's log says of a link's end, and of its RADIUS client.
TELLING = re.compile(
    r"Connect time expired|lack of activity|Terminating on signal|No response to|terminated by peer|Modem hangup"
    r"|MPPE required|Traffic limit|authentication failed|failed (CHAP|PAP)|peer refused|RADIUS: |rc_|[Aa]ccounting "
    r"|Unauthorized remote IP|CHAP Failure|PAP AuthNak|CHAP authentication"
)
PING_PATTERN = b"labplainlabplain"


def lines(path: Path) -> list[str]:
    """Read the lines of a file that may not be there."""
    return path.read_text("utf-8", "replace").splitlines() if path.exists() else []


def telling(log: list[str]) -> list[str]:
    """Pick the lines of a pppd log that explain a link's fate, each once."""
    texts = [re.sub(r"^.*pppd\[\d+\]: ", "", line) for line in log]
    return list(dict.fromkeys(text for text in texts if TELLING.search(text)))


def mppe(log: list[str]) -> str | None:
    """Find the encryption that pppd says it has switched on, e.g. "128-bit stateless"."""
    found = re.search(r"MPPE (.*) compression enabled", "\n".join(log))
    return found.group(1) if found else None


def server_logs(out: Path) -> dict[str, list[str]]:
    """Group the server's pppd lines in syslog by the client address that each pppd served."""
    by_pid: dict[str, list[str]] = {}
    address_of: dict[str, str] = {}
    for line in lines(out / "syslog.log"):
        if not (found := re.search(r"(?:pppd|radius)[^\[]*\[(\d+)\]: (.*)", line)):
            continue
        pid, text = found.groups()
        by_pid.setdefault(pid, []).append(line)
        if served := re.match(r"remotenumber (\S+)", text):
            address_of[pid] = served.group(1)
    return {address: by_pid[pid] for pid, address in address_of.items()}


def read_link(out: Path, name: str, events: list[Event], log: list[str]) -> dict[str, Any]:
    """Put together what became of one link."""
    dialled = next(e for e in events if e["event"] == "dial" and e["link"] == name)
    mine = [e for e in events if name == e.get("link") or e.get("key") in (dialled["client_ip"], f"client:{name}")]
    of = {e["event"]: e for e in mine}
    up, server_up, server_down = of.get("link_up"), of.get("server_ip_up"), of.get("server_ip_down")
    client_log = lines(out / f"client.{name}.log")
    gre = out / f"gre.{name}.pcap"
    link: dict[str, Any] = {
        "user": dialled["user"],
        "calling_station": dialled["client_ip"],
        "up": up is not None,
        "ip": up and up["ip"],
        "mppe": [mppe(client_log), mppe(log)],
        "in_clear": PING_PATTERN in gre.read_bytes() if gre.exists() else None,
        "pings": [[e["sent"], e["received"]] for e in mine if e["event"] == "ping"],
        "actions": [e["event"] for e in mine if e["event"] in ("hangup", "vanish", "silent", "kill_server_pppd")],
        "silent_at": of["silent"]["time"] if "silent" in of else None,
        "client_log": telling(client_log),
        "server_log": telling(log),
    }
    if server_up:
        link |= {"up_at": server_up["time"], "mtu": server_up["mtu"], "reply": {}}
        link |= {key: server_up[key] for key in ("filter_id", "framed_route") if server_up.get(key)}
        if server_up.get("radattr"):
            link["reply"] = dict(line.partition(" ")[::2] for line in lines(out / server_up["radattr"]))
    if server_down:
        link |= {"down_at": server_down["time"], "connect_time": server_down["connect_time"]}
    if "client_exit" in of:
        link["client_exit"] = of["client_exit"]["code"]
    return link


def read_exchange(exchange: radius_pcap.Exchange) -> dict[str, Any]:
    """Show a request and its answer."""
    request, reply = exchange.request, exchange.reply
    shown = radius_pcap.attributes(request.data)
    item: dict[str, Any] = {
        "time": round(request.time, 3),
        "request": radius_pcap.CODES[request.code],
        "port": request.port,
        "id": request.data[1],
        "sent": [round(moment, 3) for moment in exchange.sent],
        "attributes": shown,
        "reply": reply and radius_pcap.CODES[reply.code],
        "reply_ms": reply and round((reply.time - exchange.sent[-1]) * 1000, 1),
        "reply_attributes": radius_pcap.attributes(reply.data) if reply else [],
    }
    if request.code == 4:
        number = dict(shown).get("Acct-Status-Type", 0)
        item["status"] = radius_pcap.STATUS_TYPES.get(int(number), str(number))
    return item


def summarise(out: Path, started: float, machine_exit: int, versions: Path) -> dict[str, Any]:
    """Collect events, logs and captures of a run's folder."""
    events = [json.loads(line) for line in lines(out / "events.jsonl")]
    names = [e["event"] for e in events]
    logs = server_logs(out)
    dials = {e["link"]: e["client_ip"] for e in events if e["event"] == "dial"}
    return {
        "out": str(out),
        "machine": {
            "exit": machine_exit,
            "ready": "ready" in names,
            "ended": "end" in names or "power_cut" in names,
            "boot_seconds": next((round(e["time"] - started, 1) for e in events if e["event"] == "ready"), None),
            "errors": [e["message"] for e in events if e["event"] == "error"],
        },
        "versions": dict(line.partition(" ")[::2] for line in lines(versions)),
        "links": {name: read_link(out, name, events, logs.get(ip, [])) for name, ip in dials.items()},
        "radius": [read_exchange(x) for x in radius_pcap.exchanges(out / "radius.pcap")],
        "events": events,
    }


def main() -> int:
    """Print the summary; the exit status is run.sh's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--started", type=float, default=0.0)
    parser.add_argument("--machine-exit", type=int, default=0)
    parser.add_argument("--versions", type=Path, default=Path("versions.txt"))
    args = parser.parse_args()
    summary = summarise(args.out, args.started, args.machine_exit, args.versions)
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    (args.out / "summary.json").write_text(text + "\n", "utf-8")
    print(text)
    if not (summary["machine"]["ready"] and summary["machine"]["ended"]):
        return 3
    return 0 if any(link["up"] for link in summary["links"].values()) else 2


if __name__ == "__main__":
    sys.exit(main())
