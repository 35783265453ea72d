import pytest

from radiusd.policy import fault
from radiusd.policy.typed import Row


@pytest.mark.parametrize(
    "row",
    [
        Row("Session-Timeout", "=", "3600"),
        Row("Tunnel-Type:1", ":=", "VLAN"),
        Row("Calling-Station-Id", "=~", "^10[.]"),
        Row("Cleartext-Password", ":=", "anything at all"),
        Row("User-Name", "=*", ""),
        Row("Login-Time", ":=", "Wk0800-1800"),
    ],
)
def test_good_rows(dictionary, row):
    assert fault.find(dictionary, row) is None


@pytest.mark.parametrize(
    ("row", "part", "words"),
    [
        (Row("Sesion-Timeout", "=", "1"), "attribute", "Sesion-Timeout"),
        (Row("Session-Timeout", "?", "1"), "op", "no operator"),
        (Row("Session-Timeout", "=", "an hour"), "value", "Session-Timeout"),
        (Row("Framed-IP-Address", "=", "10.0.0.256"), "value", "Framed-IP-Address"),
        (Row("Calling-Station-Id", "=~", "("), "value", ""),
        (Row("Cleartext-Password", "==", "hidden"), "op", ":="),
        (Row("Cleartext-Password", "=", "hidden"), "op", ":="),
        (Row("User-Password", ":=", "hidden"), "op", "Cleartext-Password"),
        (Row("Login-Time", ":=", "office hours"), "value", "office hours"),
    ],
)
def test_faults_name_the_column_and_no_password(dictionary, row, part, words):
    found = fault.find(dictionary, row)
    assert found is not None
    assert found.part == part
    assert words in found.message
    assert "hidden" not in found.message
