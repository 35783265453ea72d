import pytest

from radiusd.nas.kinds import KINDS, expected_interval


@pytest.mark.parametrize("kind", ["pptpd", "rras"])
def test_kinds_that_raise_short_intervals_to_a_minute(kind):
    assert [expected_interval(kind, granted) for granted in (1, 59, 60, 300)] == [60, 60, 60, 300]


@pytest.mark.parametrize("kind", ["accel-ppp", "strongswan", "ocserv", "openvpn", "mikrotik", "other", "no-such-kind"])
def test_the_others_take_a_second(kind):
    assert expected_interval(kind, 1) == 1


@pytest.mark.parametrize("granted", [None, 0, -1])
def test_nothing_granted_is_nothing_expected(granted):
    assert expected_interval("pptpd", granted) is None


def test_an_interval_fits_its_column():
    assert expected_interval("other", 2**32 - 1) == 2**31 - 1


def test_every_kind_is_found_under_its_name():
    assert all(name == kind.name for name, kind in KINDS.items())
