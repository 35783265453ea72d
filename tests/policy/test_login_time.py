"""Login-Time as FreeRADIUS 3.2.1 reads it; the expected seconds were observed on a Sunday at 11:31."""

import time

import pytest

from radiusd.policy import login_time

SUNDAY = time.mktime((2024, 3, 17, 11, 31, 15, 0, 0, -1))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Any", None),
        ("Al", None),
        ("Al0000-2359", None),
        ("Any0000-2400", None),
        ("Wk,Sa,Su", None),
        ("Mo-Su", None),
        ("Su", 44940),
        ("su0000-2359", 44940),
        ("Su0000-2400", 44940),
        ("Su0060-2399", 44940),
        ("Su1126-1136", 360),
        ("Su1126-1131", 60),
        ("Su1126-1130", 0),
        ("Su1133-1132", 44940),
        ("Su1132-1130", 0),
        ("Any1131", 60),
        ("Su1130-1133,Su1134-1140", 600),
        ("Sa", 0),
        ("Wk", 0),
        ("Mo,Su", 131340),
        ("Mo|Su1131-1140", 600),
        ("MoSu1131-1140", 600),
        ("Sa-Mo", 131340),
        ("Fr-Mo", 131340),
        ("Sa-Mo1131-1134", 240),
        ("Su-Su1128-1136", 360),
        ("Sunday1133-1138", 0),
        ("Sunday1131-1138", 480),
        ("SuMo-Tu1131-1138", 480),
        ("Su 1128-1130", 0),
        ("Su 1128-1131", 60),
        ("Wk2305-0855,Sa,Su2305-1655", 19500),
    ],
)
def test_what_is_left_of_the_allowed_time(text, seconds):
    week = login_time.parse(text)
    assert week.remaining(SUNDAY) == seconds
    assert week.unread == ()


@pytest.mark.parametrize(
    ("text", "seconds", "unread"),
    [
        ("Never", 0, ("Never",)),
        ("xx0000-2359", 0, ("xx0000-2359",)),
        ("", 0, ("",)),
        ("Su0-2359", 0, ("Su0-2359",)),
        ("Su-2359", 0, ("Su-2359",)),
        ("Su1131-", 0, ("Su1131-",)),
        ("Su2500-2600", 0, ("Su2500-2600",)),
        ("Wk-Su", 0, ("Wk-Su",)),
        ("Foo,Su", 44940, ("Foo",)),
        ("Su, Mo", 44940, (" Mo",)),
        ("Su1131-1136x", 360, ("Su1131-1136x",)),
        ("Su;Mo", 44940, ("Su;Mo",)),
    ],
)
def test_what_cannot_be_read_is_passed_over_and_named(text, seconds, unread):
    week = login_time.parse(text)
    assert week.remaining(SUNDAY) == seconds
    assert week.unread == unread


def test_the_week_wraps_from_saturday_to_sunday():
    saturday = SUNDAY + 6 * 86400
    assert login_time.parse("Sa,Su0000-0059").remaining(saturday) == (12 * 60 + 29 + 60) * 60


def test_the_minute_of_the_week_counts_from_sunday():
    assert login_time.minute_of_week(SUNDAY) == 11 * 60 + 31
    assert login_time.minute_of_week(SUNDAY - 86400) == 6 * 1440 + 11 * 60 + 31
