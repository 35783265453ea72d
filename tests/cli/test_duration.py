import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from radiusd.cli import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300", 300),
        ("0", 0),
        ("10m", 600),
        ("4h", 14400),
        ("1h30m", 5400),
        ("1H30M", 5400),
        ("2d", 172800),
        ("1w2d3h4m5s", 788645),
        (" 5m ", 300),
        ("4294967295", 2**32 - 1),
    ],
)
def test_people_write_durations_in_several_ways(text, seconds):
    assert duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "4 h", "-5m", "1.5h", "30m1h", "4hours", "1h1h", "\N{SUPERSCRIPT TWO}", "١٢"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(typer.BadParameter, match="1h30m"):
        duration.parse(text)


@pytest.mark.parametrize("text", ["4294967296", "7102w"])
def test_more_than_an_attribute_holds_is_refused(text):
    with pytest.raises(typer.BadParameter, match="longer"):
        duration.parse(text)


@given(st.integers(0, 2**32 - 1))
def test_what_is_written_reads_back(seconds):
    assert duration.parse(duration.text(seconds)) == seconds


def test_no_duration_is_a_dash():
    assert duration.text(None) == "-"
    assert duration.written(None) == "-"
    assert duration.written(90) == "1m30s"
