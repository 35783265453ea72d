"""The format of dictionary files, and one test a mistake: each is an error with file and line."""

import re
import time
from pathlib import Path

import pytest

from radiusd.dictionary.attributes import Dictionary
from radiusd.dictionary.loader import load
from radiusd.errors import DictionaryError

DEBIAN = Path("/usr/share/freeradius")
SHIPPED = Path(__file__).parents[2] / "dictionaries"

# Names that RFC 5090 puts on the wire and FreeRADIUS uses for internal attributes.
DIGEST = "digest-"

debian_installed = pytest.mark.skipif(not (DEBIAN / "dictionary").is_file(), reason="freeradius-common is missing")


@pytest.fixture(scope="module")
def shipped() -> Dictionary:
    return load(root=SHIPPED)


@pytest.fixture(scope="module")
def debian() -> Dictionary:
    return load([DEBIAN])


def read(folder: Path, text: str, **more: str) -> Dictionary:
    for name, content in {"dictionary": text, **more}.items():
        (folder / name).write_text(content)
    return load([folder])


def mistake(folder: Path, text: str, **more: str) -> DictionaryError:
    with pytest.raises(DictionaryError) as caught:
        read(folder, text, **more)
    return caught.value


def test_a_line_defines_an_attribute(tmp_path):
    found = read(tmp_path, "# first\n\n attribute  Foo-Bar 0x21 String # why\n").named("foo-bar")
    assert (found.name, found.key, found.number, found.oid, found.type) == ("Foo-Bar", 33, 33, (33,), "string")
    assert not found.internal


def test_flags(tmp_path):
    text = (
        "ATTRIBUTE A 69 string has_tag,encrypt=2\nATTRIBUTE B 79 octets concat\n"
        "ATTRIBUTE C 90 ipaddr array\nATTRIBUTE D 1100 string secret\nATTRIBUTE E 1047 integer virtual\n"
        "ATTRIBUTE F 91 octets[8]\n"
    )
    loaded = read(tmp_path, text)
    a, b, c, d, f = (loaded.named(name) for name in "abcdf")
    assert (a.has_tag, a.encrypt) == (True, 2)
    assert (b.concat, c.array, d.internal, f.length) == (True, True, True, 8)
    assert (b.array, c.concat, a.internal) == (False, False, False)


@pytest.mark.parametrize(
    ("word", "kind"),
    [("uint8", "byte"), ("uint16", "short"), ("uint32", "integer"), ("uint64", "integer64"), ("int32", "signed")],
)
def test_types_have_a_second_name(tmp_path, word, kind):
    assert read(tmp_path, f"ATTRIBUTE A 5 {word}").named("A").type == kind


def test_a_vendors_attribute_is_keyed_by_vendor_and_number(tmp_path):
    text = "VENDOR Cisco 9\nBEGIN-VENDOR Cisco\nATTRIBUTE Cisco-AVPair 1 string\nEND-VENDOR Cisco\nATTRIBUTE A 1 string"
    loaded = read(tmp_path, text)
    found = loaded.named("Cisco-AVPair")
    assert (found.key, found.vendor, found.number, found.oid) == (9 << 32 | 1, 9, 1, (26, 9, 1))
    assert loaded.named("A").key == 1
    assert loaded.vendors == {"Cisco": 9}
    assert loaded.formats == {}


def test_the_vendor_may_stand_in_the_place_of_flags(tmp_path):
    assert read(tmp_path, "VENDOR Old 77\nATTRIBUTE A 3 integer Old").named("A").key == 77 << 32 | 3


def test_formats(tmp_path):
    text = (
        "VENDOR USR 429 format=4,0\nVENDOR WiMAX 24757 format=1,1,c\nVENDOR Lucent 4846 format=2,1\n"
        "BEGIN-VENDOR USR\nATTRIBUTE U 0x9000 integer\nEND-VENDOR USR"
    )
    loaded = read(tmp_path, text)
    assert loaded.formats == {429: (4, 0, False), 24757: (1, 1, True), 4846: (2, 1, False)}
    assert loaded.named("U").key == 429 << 32 | 0x9000


def test_tlvs_by_oid_and_by_block(tmp_path):
    text = (
        "VENDOR W 24757 format=1,1,c\nBEGIN-VENDOR W\nATTRIBUTE Cap 1 tlv\nATTRIBUTE Release 1.1 string\n"
        "BEGIN-TLV Cap\nATTRIBUTE Accounting 2 byte\nEND-TLV Cap\nATTRIBUTE Plain 2 byte\nEND-VENDOR W"
    )
    loaded = read(tmp_path, text)
    assert [(loaded.named(name).oid, loaded.named(name).key) for name in ("Release", "Accounting")] == [
        ((26, 24757, 1, 1), -1),
        ((26, 24757, 1, 2), -1),
    ]
    assert loaded.at((26, 24757, 1, 2)) is loaded.named("Accounting")
    assert loaded.named("Plain").key == 24757 << 32 | 2


def test_extended_attributes(tmp_path):
    text = (
        "VENDOR F 11344\nATTRIBUTE Ext 241 extended\nATTRIBUTE Frag 241.1 integer\nATTRIBUTE Info 241.5 tlv\n"
        "ATTRIBUTE Inner 241.5.3 integer\nATTRIBUTE Evs 241.26 evs\nBEGIN-VENDOR F format=Evs\n"
        "ATTRIBUTE In-Evs 7 integer\nEND-VENDOR F\n"
        "BEGIN-VENDOR F parent=Evs\nATTRIBUTE In-Evs-2 8 integer\nEND-VENDOR F"
    )
    loaded = read(tmp_path, text)
    assert loaded.named("Frag").key == 241 << 16 | 1
    assert loaded.named("Evs").key == 241 << 16 | 26
    assert (loaded.named("Inner").key, loaded.named("Inner").oid) == (-1, (241, 5, 3))
    assert (loaded.named("In-Evs").key, loaded.named("In-Evs").oid) == (-1, (241, 26, 11344, 7))
    assert loaded.named("In-Evs-2").oid == (241, 26, 11344, 8)


def test_all_names_of_a_number_resolve_and_the_last_one_decodes(tmp_path):
    loaded = read(tmp_path, "ATTRIBUTE Old 8 ipaddr\nATTRIBUTE New 8 ipaddr\nATTRIBUTE New 8 ipaddr")
    assert loaded.named("Old").key == loaded.named("New").key == 8
    assert loaded.keyed(8).name == "New"


def test_values_belong_to_the_number_and_the_last_name_prints(tmp_path):
    text = "ATTRIBUTE A 6 integer\nATTRIBUTE B 6 integer\nVALUE A One 1\nVALUE B Uno 0x1\nVALUE A ONE 1"
    loaded = read(tmp_path, text)
    assert loaded.named("B").values == {"one": 1, "uno": 1}
    assert loaded.named("A").names == {1: "ONE"}


def test_a_value_may_stand_before_its_attribute_and_then_prints_last(tmp_path):
    text = "VALUE A Old 2\nVALUE A Only 3\nATTRIBUTE A 6 integer\nVALUE A New 2"
    loaded = read(tmp_path, text).named("A")
    assert loaded.values == {"old": 2, "only": 3, "new": 2}
    assert loaded.names == {2: "New", 3: "Only"}


def test_value_alias_shares_the_values_of_another_attribute(tmp_path):
    text = "VALUE-ALIAS B A\nATTRIBUTE A 6 integer\nATTRIBUTE B 7 integer\nVALUE A One 1"
    found = read(tmp_path, text).named("B")
    assert (found.values, found.names) == ({"one": 1}, {1: "One"})


def test_includes_are_relative_to_the_file_and_may_be_optional(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one").write_text("$INCLUDE two\n")
    (tmp_path / "deep" / "two").write_text("ATTRIBUTE A 1 string\n")
    loaded = read(tmp_path, "$include deep/one\n$INCLUDE- deep/missing\n$INCLUDE- deep/two")
    assert loaded.named("A").key == 1


def test_a_file_can_be_given_for_a_folder(tmp_path):
    (tmp_path / "mine").write_text("ATTRIBUTE A 1 string\n")
    assert len(load([tmp_path / "mine"])) == 1


def test_a_later_set_may_contradict_the_first_one_once(tmp_path):
    for name, text in {
        "root": "VENDOR V 9\nATTRIBUTE A 200 integer\nVALUE A x 1\nATTRIBUTE B 201 integer\nVALUE B y 1",
        "site": "VENDOR V 10\nATTRIBUTE A 3000 string\nVALUE B y 2",
        "wrong": "ATTRIBUTE A 3000 string\nATTRIBUTE A 3001 string",
    }.items():
        (tmp_path / name).write_text(text)
    loaded = load([tmp_path / "site"], root=tmp_path / "root")
    assert (loaded.named("A").key, loaded.keyed(200).name) == (3000, "A")
    assert (loaded.named("B").values, loaded.vendors) == ({"y": 2}, {"V": 10})
    with pytest.raises(DictionaryError, match=r"wrong:2: A is already defined with the number 3000"):
        load([tmp_path / "wrong"], root=tmp_path / "root")


VENDOR = "VENDOR V 9\nBEGIN-VENDOR V\n"
LONG = "A" * 128


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ATTRIBUTE A 1 string\nATTRIBUT B 2 string", 2, "no keyword ATTRIBUT"),
        ("$IMPORT x", 1, r"no keyword \$IMPORT"),
        ("ATTRIBUTE A 1", 1, "takes a name, a number, a type"),
        ("ATTRIBUTE A 1 string x y", 1, "takes a name, a number, a type"),
        ("ATTRIBUTE A 1 strange", 1, "no type strange"),
        ("ATTRIBUTE A 1 string[5]", 1, "only octets can have a length"),
        ("ATTRIBUTE A 1 octets[0]", 1, "from 1 to 253"),
        ("ATTRIBUTE A 1 octets[", 1, "no type"),
        ("ATTRIBUTE A one string", 1, "one is not a number"),
        ("ATTRIBUTE A 0xg string", 1, "0xg is not a number"),
        ("ATTRIBUTE A -1 string", 1, "-1 is not a number"),
        ("ATTRIBUTE A 0 string", 1, "not between 1 and 65535"),
        ("ATTRIBUTE A 65536 string", 1, "not between 1 and 65535"),
        ("ATTRIBUTE A 1.1 string", 1, "1 is no attribute that holds others"),
        ("ATTRIBUTE T 1 string\nATTRIBUTE A 1.1 string", 2, "no attribute that holds others"),
        ("ATTRIBUTE T 1 tlv\nATTRIBUTE A 1.256 string", 2, "256 is not between 0 and 255"),
        (f"ATTRIBUTE {LONG} 1 string", 1, "longer than 127"),
        ("ATTRIBUTE A=B 1 string", 1, "not a name"),
        ("ATTRIBUTE A 1 string\n\nATTRIBUTE a 2 string", 3, "already defined with the number 1"),
        ("ATTRIBUTE A 1 ipaddr has_tag", 1, "has_tag is for"),
        ("ATTRIBUTE A 1 string encrypt=4", 1, "no flag or vendor encrypt=4"),
        ("ATTRIBUTE A 1 string Nobody", 1, "no flag or vendor nobody"),
        ("ATTRIBUTE A 1 string concat", 1, "concat is for octets"),
        ("ATTRIBUTE A 1 string array", 1, "array is not for"),
        ("ATTRIBUTE A 1 string virtual", 1, "virtual is for internal"),
        ("VALUE A x", 1, "takes an attribute, a name and a number"),
        ("\nVALUE A x 1\n", 2, "A, which is not defined"),
        ("ATTRIBUTE A 1 string\nVALUE A x 1", 2, "type string has no named values"),
        ("ATTRIBUTE A 1 byte\nVALUE A x 256", 2, "does not fit in the type byte"),
        ("ATTRIBUTE A 1 integer\nVALUE A x y", 2, "y is not a number"),
        (f"ATTRIBUTE A 1 integer\nVALUE A {LONG} 1", 2, "longer than 127"),
        ("ATTRIBUTE A 1 integer\nVALUE A x 1\nVALUE A X 2", 3, "already 1"),
        ("VALUE A x 9\nATTRIBUTE A 1 integer\nVALUE A x 1", 1, "already 1"),
        ("VALUE-ALIAS A", 1, "takes an attribute and the attribute"),
        ("ATTRIBUTE A 1 integer\nVALUE-ALIAS A B", 2, "B, which is not defined"),
        ("VENDOR V", 1, "takes a name, a number"),
        ("VENDOR V x", 1, "x is not a number"),
        ("VENDOR V 0", 1, "not between 1 and"),
        ("VENDOR V 16777216", 1, "not between 1 and"),
        ("VENDOR V=W 1", 1, "not a name"),
        ("VENDOR V 9\nVENDOR v 10", 2, "already has the number 9"),
        ("VENDOR V 9 format=3,1", 1, "is not format=T,L"),
        ("VENDOR V 9 format=2,2,c", 1, "is not format=T,L"),
        (VENDOR + "ATTRIBUTE A 256 string\nEND-VENDOR V", 3, "256 does not fit in the 1 octet"),
        ("VENDOR V 9 format=2,1\nBEGIN-VENDOR V\nATTRIBUTE A 65536 string\nEND-VENDOR V", 3, "in the 2 octet"),
        ("BEGIN-VENDOR V", 1, "V is not defined"),
        ("VENDOR V 9\nBEGIN-VENDOR", 2, "takes a vendor"),
        (VENDOR + "BEGIN-VENDOR V", 3, "inside BEGIN-VENDOR"),
        (VENDOR + "\n", 2, "never closed by END-VENDOR"),
        ("VENDOR V 9\nBEGIN-VENDOR V format=Evs", 2, "names no attribute of the type evs"),
        ("END-VENDOR V", 1, "without its BEGIN-VENDOR"),
        (VENDOR + "END-VENDOR W", 3, "of another vendor"),
        ("BEGIN-TLV T", 1, "no attribute of the type tlv"),
        ("ATTRIBUTE T 1 tlv\nBEGIN-TLV T", 2, "never closed by END-TLV"),
        ("ATTRIBUTE T 1 tlv\n" + VENDOR + "BEGIN-TLV T", 4, "belongs to another vendor"),
        ("END-TLV T", 1, "without its BEGIN-TLV"),
        ("ATTRIBUTE T 1 tlv\nBEGIN-TLV T\nEND-TLV U", 3, "of another attribute"),
        ("$INCLUDE missing", 1, "does not exist"),
        ("$INCLUDE", 1, "takes one file name"),
        ("ATTRIBUTE A 1 string\n$INCLUDE dictionary", 2, "includes itself"),
    ],
)
def test_a_mistake_has_file_line_and_words(tmp_path, text, line, words):
    error = mistake(tmp_path, text)
    assert (error.file, error.line) == (str(tmp_path / "dictionary"), line)
    assert re.search(words, error.message)


def test_a_mistake_in_an_included_file_names_that_file(tmp_path):
    error = mistake(tmp_path, "\n\n$INCLUDE other", other="ATTRIBUTE A 1 string\nEND-VENDOR X")
    assert (error.file, error.line) == (str(tmp_path / "other"), 2)


def test_an_early_value_without_attribute_names_its_own_file(tmp_path):
    error = mistake(tmp_path, "$INCLUDE other\nATTRIBUTE A 1 string", other="\nVALUE B x 1")
    assert (error.file, error.line) == (str(tmp_path / "other"), 2)


def test_a_loop_through_two_files_is_found(tmp_path):
    error = mistake(tmp_path, "$INCLUDE other", other="$INCLUDE dictionary")
    assert (error.file, error.line) == (str(tmp_path / "other"), 1)
    assert "includes itself" in error.message


def test_blocks_end_with_their_file(tmp_path):
    error = mistake(tmp_path, VENDOR + "$INCLUDE other\nEND-VENDOR V", other="END-VENDOR V")
    assert (error.file, error.line) == (str(tmp_path / "other"), 1)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DictionaryError, match="cannot be read") as caught:
        load([tmp_path / "nowhere"])
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "nowhere"), 0)


CONTROL = """
    Cleartext-Password NT-Password LM-Password Crypt-Password MD5-Password SMD5-Password SHA-Password SHA1-Password
    SSHA-Password SHA2-Password PBKDF2-Password Password-With-Header Auth-Type Autz-Type Acct-Type Session-Type
    Post-Auth-Type Expiration Login-Time Simultaneous-Use Fall-Through User-Profile Pool-Name SQL-Group Prefix Suffix
    Current-Time Time-Of-Day Packet-Type Strip-User-Name Stripped-User-Name Huntgroup-Name Max-Daily-Session
    Max-Weekly-Session Max-Monthly-Session Max-All-Session Expire-After TOTP-Secret
"""


@pytest.mark.parametrize("name", CONTROL.split())
def test_control_attributes_are_internal(shipped, name):
    assert shipped.named(name).internal


@pytest.mark.parametrize(
    ("name", "oid", "kind"),
    [
        ("User-Name", (1,), "string"),
        ("Framed-IP-Address", (8,), "ipaddr"),
        ("Framed-IPv6-Prefix", (97,), "ipv6prefix"),
        ("Delegated-IPv6-Prefix", (123,), "ipv6prefix"),
        ("Acct-Interim-Interval", (85,), "integer"),
        ("Error-Cause", (101,), "integer"),
        ("Digest-Response", (103,), "string"),
        ("Session-Octets-Limit", (227,), "integer"),
        ("Frag-Status", (241, 1), "integer"),
        ("MS-CHAP2-Success", (26, 311, 26), "octets"),
        ("MS-RAS-Client-Name", (26, 311, 34), "string"),
        ("MS-Quarantine-State", (26, 311, 45), "integer"),
        ("Mikrotik-Rate-Limit", (26, 14988, 8), "string"),
        ("WISPr-Bandwidth-Max-Up", (26, 14122, 7), "integer"),
        ("Cisco-AVPair", (26, 9, 1), "string"),
        ("Ascend-Data-Filter", (26, 529, 242), "abinary"),
        ("Juniper-Local-User-Name", (26, 2636, 1), "string"),
        ("ERX-Virtual-Router-Name", (26, 4874, 1), "string"),
        ("RP-Upstream-Speed-Limit", (26, 10055, 1), "integer"),
        ("ChilliSpot-Max-Total-Octets", (26, 14559, 3), "integer"),
        ("ChilliSpot-Max-Total-Gigawords", (26, 14559, 23), "integer"),
        ("Cleartext-Password", (1100,), "string"),
        ("Expiration", (1010,), "date"),
    ],
)
def test_shipped_attributes(shipped, name, oid, kind):
    found = shipped.named(name)
    assert (found.oid, found.type) == (oid, kind)


def test_shipped_flags(shipped):
    assert shipped.named("Tunnel-Type").has_tag
    assert (shipped.named("Tunnel-Password").has_tag, shipped.named("Tunnel-Password").encrypt) == (True, 2)
    assert shipped.named("User-Password").encrypt == 1
    assert shipped.named("MS-MPPE-Send-Key").encrypt == 2
    assert shipped.named("EAP-Message").concat


def test_the_shipped_set_decodes_with_the_rfcs_names(shipped):
    assert shipped.keyed(4).name == "NAS-IP-Address"
    assert shipped.named("Service-Type").names[2] == "Framed-User"
    assert shipped.named("Service-Type").values["framed"] == 2
    assert shipped.named("Acct-Status-Type").names[3] == "Interim-Update"


def test_the_shipped_set_loads_quickly():
    best = min(timed(lambda: load(root=SHIPPED)) for _ in range(3))
    assert best < 0.15


@debian_installed
def test_debians_set_loads_whole_and_quickly():
    assert min(timed(lambda: load([DEBIAN])) for _ in range(2)) < 1.5


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@debian_installed
def test_debians_set_prints_the_rfcs_names(debian):
    assert len(debian) > 7000
    assert debian.named("Service-Type").names[2] == "Framed-User"
    assert debian.keyed(4).name == "NAS-IP-Address"
    assert debian.formats[429] == (4, 0, False)


@debian_installed
def test_what_both_define_agrees(shipped, debian):
    def facts(attribute):
        place = (attribute.oid, attribute.key, attribute.internal)
        kind = (attribute.type, attribute.length)
        return place, kind, (attribute.has_tag, attribute.encrypt, attribute.concat, attribute.array)

    pairs = [(ours, debian.named(ours.name)) for ours in shipped if not ours.name.lower().startswith(DIGEST)]
    both = [(ours, theirs) for ours, theirs in pairs if theirs is not None]
    assert len(both) > 1200
    assert [ours.name for ours, theirs in both if facts(ours) != facts(theirs)] == []
    differing = [
        (ours.name, name)
        for ours, theirs in both
        for name, number in ours.values.items()
        if theirs.values.get(name, number) != number
    ]
    assert differing == []


@debian_installed
def test_debians_set_loads_on_top_of_ours(shipped, debian):
    merged = load([DEBIAN], root=SHIPPED)
    assert [ours.name for ours in shipped if merged.named(ours.name) is None] == []
    assert [theirs.name for theirs in debian if merged.named(theirs.name).oid != theirs.oid] == []
    assert merged.named("Service-Type").names[2] == "Framed-User"
