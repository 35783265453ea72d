"""Accounting records as tests want them: times are seconds after `T0`."""

from radiusd.decide.accounting import FACTS, INTERIM, START, STOP, AccountingRecord

T0 = 1_700_000_000.0


def record(
    status,
    at,
    time=None,
    octets=None,
    *,
    user="alice",
    sid="S1",
    uid=None,
    ip="10.8.0.1",
    cause="User-Request",
    timestamped=True,
    received=None,
    sent=None,
    granted=None,
    group=None,
    nas_ip="192.0.2.1",
    client="vpn1",
    kind="other",
    **facts,
):
    every = {"username": user, "framedipaddress": ip, **facts}
    came = T0 + (at if received is None else received)
    return AccountingRecord(
        status=status,
        unique_id=uid or f"{user}-{sid}",
        session_id=sid,
        nas_ip=nas_ip,
        client_name=client,
        client_kind=kind,
        facts=tuple(every.get(name) for name in FACTS),
        event_time=T0 + at,
        timestamped=timestamped,
        sent_at=came if sent is None else T0 + sent,
        received=came,
        session_time=time,
        input_octets=octets,
        output_octets=None if octets is None else octets * 2,
        connect_info="",
        terminate_cause=cause if status == STOP else "",
        interval_granted=granted,
        group_name=group,
    )


def start(at, **more):
    return record(START, at, **more)


def interim(at, time=None, octets=None, **more):
    return record(INTERIM, at, time, octets, **more)


def stop(at, time=None, octets=None, **more):
    return record(STOP, at, time, octets, **more)
