from radiusd.decide.accounting import ACCOUNTING_OFF, ACCOUNTING_ON
from radiusd.sessions.ledger import Ledger
from tests.sessions.records import T0, interim, record, start, stop


def reboot(at, status=ACCOUNTING_ON, **more):
    return record(status, at, user="", sid="", **more)


def posted(*records, sessions=()):
    ledger = Ledger(sessions)
    for each in records:
        ledger.post(each)
    return ledger


def test_records_of_a_batch_are_posted_in_order():
    ledger = posted(start(0), interim(60, 60, 5), stop(90, 90, 9), start(0, user="bob"))
    assert [(state.unique_id, state.input_octets) for state in ledger.changed()] == [("alice-S1", 9), ("bob-S1", 0)]
    assert [event.kind for event in ledger.events] == ["start", "interim", "stop", "start"]


def test_only_what_changed_is_written_in_the_order_of_locks():
    sessions = posted(start(0, user="b"), start(0, user="a"), start(0, user="c")).changed()
    assert [state.unique_id for state in sessions] == ["a-S1", "b-S1", "c-S1"]
    for state in sessions:
        state.change = 0
    assert [s.unique_id for s in posted(interim(60, 60, 1, user="c"), sessions=sessions).changed()] == ["c-S1"]


def test_a_session_that_gave_up_its_id_is_written_too():
    ledger = posted(start(0), stop(10, 10), start(20), stop(30, 10), start(40))
    assert len({state.unique_id for state in ledger.changed()}) == 3
    assert ledger.sessions["alice-S1"].start == T0 + 40


def test_a_reboot_closes_the_open_sessions_of_that_nas_when_they_were_last_heard_of():
    ledger = posted(start(0), interim(60, 60, 5), reboot(500))
    state = ledger.sessions["alice-S1"]
    assert (state.stop, state.closed_by, state.cause, state.session_time) == (T0 + 60, "nas-reboot", "NAS-Reboot", 60)
    assert ledger.reloads == {"192.0.2.1": T0 + 500}
    assert ledger.events[-1].kind == "closed"


def test_accounting_off_does_the_same():
    assert posted(start(0), reboot(500, ACCOUNTING_OFF)).sessions["alice-S1"].closed_by == "nas-reboot"


def test_a_reboot_leaves_alone_what_is_not_its_own():
    ledger = posted(
        start(0, user="ended"),
        stop(10, 10, user="ended"),
        start(0, user="elsewhere", nas_ip="192.0.2.2"),
        start(0, user="other-client", client="vpn2"),
        start(600, user="later"),
        reboot(500),
        start(0, user="after-in-the-batch"),
    )
    closers = {state.facts[0]: state.closed_by for state in ledger.sessions.values()}
    assert closers == {
        "ended": "nas",
        "elsewhere": None,
        "other-client": None,
        "later": None,
        "after-in-the-batch": None,
    }


def test_the_latest_of_several_reboots_is_the_reload_time():
    assert posted(reboot(500), reboot(400)).reloads == {"192.0.2.1": T0 + 500}


def test_a_session_heard_of_after_the_reboot_has_outlived_it():
    ledger = posted(start(0), interim(600, 600, 5), reboot(500))
    assert ledger.sessions["alice-S1"].stop is None
