import pytest
from pydantic import ValidationError

from radiusd.admin.paging import MAX_LIMIT, Paging, Place


def test_without_any_parameter_a_page_has_a_hundred():
    assert Paging().model_dump() == {"limit": 100, "cursor": None, "q": None}


@pytest.mark.parametrize(
    "parameters", [{"limit": 0}, {"limit": MAX_LIMIT + 1}, {"q": "a\0"}, {"cursor": "\0"}, {"colour": "red"}]
)
def test_what_a_list_does_not_know_is_refused_by_name(parameters):
    with pytest.raises(ValidationError) as refused:
        Paging.model_validate(parameters)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(parameters)]


def test_a_place_alone_takes_no_search():
    with pytest.raises(ValidationError):
        Place.model_validate({"q": "x"})
