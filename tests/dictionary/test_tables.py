"""The tables themselves: values before and after their attribute, the shipped set, numbers, blocks."""

import pytest

from radiusd.dictionary.attributes import Attribute
from radiusd.dictionary.tables import Block, Mistake, Tables, number_of


@pytest.fixture
def tables() -> Tables:
    made = Tables()
    made.values[(6,)] = ({}, {})
    attribute = Attribute(
        "A", 6, "integer", number=6, oid=(6,), values=made.values[(6,)][0], names=made.values[(6,)][1]
    )
    made.by_name["a"] = made.by_oid[(6,)] = attribute
    return made


def test_values_show_in_an_attribute_that_was_made_before_them(tables):
    tables.add_value(("VALUE", "A", "One", "1"))
    assert tables.by_name["a"].values == {"one": 1}
    assert tables.by_name["a"].names == {1: "One"}


def test_an_early_value_does_not_take_the_printed_name(tables):
    tables.add_value(("VALUE", "A", "One", "1"))
    tables.add_value(("VALUE", "A", "Uno", "1"), early=True)
    assert tables.by_name["a"].names == {1: "One"}


def test_what_is_shipped_can_be_contradicted_once(tables):
    tables.add_value(("VALUE", "A", "One", "1"))
    tables.seal()
    tables.add_value(("VALUE", "A", "One", "2"))
    assert tables.by_name["a"].values == {"one": 2}
    with pytest.raises(Mistake, match="already 2"):
        tables.add_value(("VALUE", "A", "One", "3"))


def test_finish_knows_where_an_orphan_stood(tables):
    tables.early.append((("VALUE", "B", "x", "1"), "some/file", 7))
    with pytest.raises(Mistake, match="not defined") as caught:
        tables.finish()
    assert (caught.value.file, caught.value.line) == ("some/file", 7)


def test_finish_makes_the_dictionary(tables):
    tables.vendors["V"] = 9
    made = tables.finish()
    assert made.keyed(6) is made.named("A") is made.at((6,))
    assert made.vendors == {"V": 9}


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("010", 10), ("0x1F", 31), ("0X1f", 31)])
def test_numbers(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "0x", "-1", "1_0", "٣", "1.5", "x"])
def test_what_is_no_number(text):
    with pytest.raises(Mistake, match="is not a number"):
        number_of(text)


def test_an_open_block_names_the_line_that_opened_it():
    block = Block("file")
    block.end()
    block.opened.append(("VENDOR", 3))
    with pytest.raises(Mistake, match="never closed") as caught:
        block.end()
    assert caught.value.line == 3
