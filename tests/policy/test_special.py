"""Check items with a comparer of their own, as FreeRADIUS 3.2.1 judges them."""

import time

import pytest

from radiusd.policy import special
from radiusd.policy.items import parse
from radiusd.policy.model import Request

# Sunday, 17 March 2024, 11:31:15 local time.
NOW = time.mktime((2024, 3, 17, 11, 31, 15, 0, 0, -1))
REQUEST = Request([(1, b"ppp.alice")], 1)


@pytest.fixture
def judged(dictionary):
    def judge(attribute, op, value):
        item = parse(dictionary, attribute, op, value)
        return special.matches(item, "alice", ["staff", "vpn"], REQUEST, NOW)

    return judge


@pytest.mark.parametrize(
    ("attribute", "value", "matching"),
    [
        # The operators that match, out of these: == != < <= > >= =~ !~
        ("SQL-Group", "staff", "== <= >= =~ !~"),
        ("SQL-Group", "Staff", "!= > >="),
        ("SQL-User-Name", "alice", "== <= >= =~ !~"),
        ("SQL-User-Name", "bob", "!= < <="),
        ("Packet-Type", "Access-Request", "== <= >= =~ !~"),
        ("Packet-Type", "Accounting-Request", "!= > >="),
        ("Prefix", "ppp.", "== <= >= =~ !~"),
        ("Prefix", "x", "!= < <="),
        ("Suffix", "alice", "== <= >= =~ !~"),
        ("Suffix", "ppp.alice.", "!= < <="),
        ("Current-Time", "Su0000-2359", "== <= >= =~ !~"),
        ("Current-Time", "Mo", "!= < <="),
        ("Time-Of-Day", "12:00", "!= < <="),
        ("Time-Of-Day", "11:31:15", "== <= >= =~ !~"),
        ("Time-Of-Day", "8:00", "!= > >="),
        ("Time-Of-Day", "x", "!= < <="),
        ("Expiration", str(int(NOW) + 1000), "== <= >= =~ !~"),
        ("Expiration", str(int(NOW) - 1000), "!= > >="),
    ],
)
def test_which_operators_match(judged, attribute, value, matching):
    operators = ("==", "!=", "<", "<=", ">", ">=", "=~", "!~")
    assert [op for op in operators if judged(attribute, op, value)] == matching.split()


@pytest.mark.parametrize(
    "attribute", ["SQL-Group", "Packet-Type", "Prefix", "Current-Time", "Time-Of-Day", "Expiration"]
)
def test_they_are_always_present(judged, attribute):
    assert judged(attribute, "=*", "")
    assert not judged(attribute, "!*", "")


def test_only_membership_and_the_name_do_not_depend_on_the_request_or_the_time(dictionary):
    lasting = {
        name
        for name in ("SQL-Group", "SQL-User-Name", "Prefix", "Suffix", "Current-Time", "Time-Of-Day")
        if not special.depends(parse(dictionary, name, "==", "x"))
    }
    assert lasting == {"SQL-Group", "SQL-User-Name"}
