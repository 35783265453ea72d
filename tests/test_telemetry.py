import structlog

from radiusd.telemetry import RateLimitedLog


class Lines(list):
    def __call__(self, event, **facts):
        self.append((event, facts))


def test_each_subject_and_reason_gets_one_line_an_interval_and_the_rest_are_counted():
    lines = Lines()
    log = RateLimitedLog(lines, interval=10.0)
    for at in (0.0, 1.0, 9.9):
        log("dropped", "vpn1", "wrong-secret", at)
    log("dropped", "vpn1", "short-packet", 2.0)
    log("dropped", "vpn2", "wrong-secret", 2.0)
    assert [(facts["subject"], facts["reason"]) for _, facts in lines] == [
        ("vpn1", "wrong-secret"),
        ("vpn1", "short-packet"),
        ("vpn2", "wrong-secret"),
    ]
    log("dropped", "vpn1", "wrong-secret", 10.0)
    assert lines[-1] == ("dropped", {"subject": "vpn1", "reason": "wrong-secret", "left_out": 2})


def test_a_flood_from_many_subjects_is_a_few_lines_and_a_number():
    lines = Lines()
    log = RateLimitedLog(lines, interval=10.0, lines=5)
    for number in range(1000):
        log("dropped", f"192.0.2.{number}", "unknown-client", 1.0)
    assert len(lines) == 5
    log.flush(5.0)
    assert len(lines) == 5
    log.flush(11.0)
    assert lines[5:] == [("dropped", {"subject": "many", "reason": "too many lines", "left_out": 995})]
    log("dropped", "vpn1", "wrong-secret", 12.0)
    assert lines[-1] == ("dropped", {"subject": "vpn1", "reason": "wrong-secret"})


def test_what_was_left_out_at_last_is_said_too():
    lines = Lines()
    log = RateLimitedLog(lines, interval=10.0)
    for at in (0.0, 1.0, 2.0):
        log("dropped", "vpn1", "wrong-secret", at)
    log.flush(10.5)
    log.flush(30.0)
    assert lines[1:] == [("dropped", {"subject": "vpn1", "reason": "wrong-secret", "left_out": 2})]


def test_a_flood_of_subjects_does_not_grow_without_bound():
    log = RateLimitedLog(Lines(), keys=100)
    for number in range(10_000):
        log("dropped", f"192.0.2.{number}", "unknown-client", 0.0)
    assert len(log._seen) <= 100


def test_libraries_log_in_the_same_form(capfd):
    import json
    import logging

    from radiusd.telemetry import set_up_log

    set_up_log("tested", "info", "json")
    try:
        logging.getLogger("psycopg").warning("error ignored %s", "here")
        logging.getLogger("psycopg").info("chatter")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
    assert [(line["event"], line["level"], line["process"], line["logger"]) for line in lines] == [
        ("error ignored here", "warning", "tested", "psycopg")
    ]
