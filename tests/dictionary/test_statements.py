"""Single lines carried out on tables in memory; the mistakes, with file and line, are in test_loader."""

import pytest

from radiusd.dictionary.statements import run
from radiusd.dictionary.tables import Block, Mistake, Tables


@pytest.fixture
def tables() -> Tables:
    return Tables()


def say(tables: Tables, *lines: str) -> Block:
    block = Block("memory")
    for block.line, line in enumerate(lines, 1):
        run(line.split(), block, tables)
    return block


def test_keywords_in_any_case(tables):
    say(tables, "Attribute A 5 integer", "value A x 1")
    assert tables.by_name["a"].values == {"x": 1}


def test_a_later_definition_of_a_name_counts(tables):
    say(tables, "ATTRIBUTE A 5 integer", "VALUE A x 1", "ATTRIBUTE A 5 short")
    assert tables.by_name["a"].type == "short"
    assert tables.by_name["a"].values == {"x": 1}


def test_a_block_gives_its_attributes_their_vendor_until_it_ends(tables):
    block = say(tables, "VENDOR V 9", "BEGIN-VENDOR V", "ATTRIBUTE A 5 integer")
    assert (block.vendor, block.prefix, block.opened) == (9, (26, 9), [("VENDOR", 2)])
    run(["END-VENDOR", "v"], block, tables)
    run(["ATTRIBUTE", "B", "5", "integer"], block, tables)
    assert (block.vendor, block.opened) == (0, [])
    assert (tables.by_name["a"].key, tables.by_name["b"].key) == (9 << 32 | 5, 5)


def test_blocks_of_tlvs_nest(tables):
    say(
        tables,
        "ATTRIBUTE Outer 5 tlv",
        "BEGIN-TLV Outer",
        "ATTRIBUTE Inner 1 tlv",
        "BEGIN-TLV Inner",
        "ATTRIBUTE Leaf 2 byte",
        "END-TLV Inner",
        "ATTRIBUTE Next 3 byte",
        "END-TLV Outer",
    )
    assert [tables.by_name[name].oid for name in ("leaf", "next")] == [(5, 1, 2), (5, 3)]


def test_a_formats_default_takes_an_earlier_one_back(tables):
    say(tables, "VENDOR V 9 format=2,2", "VENDOR V 9 format=1,1")
    assert tables.formats == {}


def test_a_vendor_without_format_keeps_the_one_it_has(tables):
    say(tables, "VENDOR V 9 format=2,2", "VENDOR V 9")
    assert tables.formats == {9: (2, 2, False)}


def test_a_failed_line_leaves_the_tables_as_they_were(tables):
    with pytest.raises(Mistake):
        say(tables, "ATTRIBUTE A 5 integer has_tag,nonsense")
    assert (tables.by_name, tables.by_oid) == ({}, {})
