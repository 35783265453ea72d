import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.errors import ApiError
from radiusd.store import cursors

WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
NUMBERS = st.integers(-(2**62), 2**62)


@given(WORDS, NUMBERS)
def test_a_cursor_reads_back(word, number):
    assert list(cursors.read(cursors.write(word, number), str, int)) == [word, number]


@given(st.text())
def test_any_other_text_is_refused_by_name(text):
    with pytest.raises(ApiError) as refused:
        cursors.read(text, str, str, str)
    assert (refused.value.status, refused.value.field) == (422, "cursor")


@pytest.mark.parametrize("keys", [[1], ["a"], ["a", True], ["a", 2**70], ["\0", 1], ["\ud800", 1], {"a": 1}])
def test_what_no_list_wrote_is_refused(keys):
    cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()
    with pytest.raises(ApiError):
        cursors.read(cursor, str, int)


def test_no_cursor_is_the_beginning():
    assert cursors.read(None, str) is None


def test_a_page_has_a_next_only_when_there_is_more():
    assert cursors.page([1, 2], 2, lambda last: (last,)).next is None
    page = cursors.page([1, 2, 3], 2, lambda last: (last,))
    assert page.items == [1, 2]
    assert cursors.read_number(page.next) == 2


def test_a_pattern_finds_its_text_literally():
    assert cursors.pattern("50%_\\") == "%50\\%\\_\\\\%"
