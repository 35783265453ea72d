import base64

import pytest

from radiusd.policy import passwords

HASH = bytes.fromhex("8846f7eaee8fb117ad06bdd830b7586c")


def test_each_form_goes_where_it_belongs_in_order():
    known = passwords.read(
        [
            ("Cleartext-Password", b"one"),
            ("NT-Password", HASH),
            ("Crypt-Password", b"$1$x"),
            ("Cleartext-Password", b"two"),
            ("SSHA-Password", b"x"),
        ]
    )
    assert known.clear == (b"one", b"two")
    assert known.nt_hashes == (HASH,)
    assert known.unsupported == ("Crypt-Password", "SSHA-Password")


@pytest.mark.parametrize("written", [HASH, HASH.hex().encode(), HASH.hex().upper().encode(), base64.b64encode(HASH)])
def test_an_nt_hash_may_be_raw_hexadecimal_or_base64(written):
    assert passwords.nt_digest(written) == HASH


@pytest.mark.parametrize("written", [b"", b"short", b"x" * 32, "é".encode() * 16, base64.b64encode(b"x" * 15)])
def test_what_is_no_nt_hash(written):
    assert passwords.nt_digest(written) is None
    assert passwords.read([("NT-Password", written)]).unsupported == ("NT-Password that is no hash",)


@pytest.mark.parametrize(
    ("value", "clear", "hashes", "unsupported"),
    [
        (b"plain", (b"plain",), (), ()),
        (b"{clear}pw", (b"pw",), (), ()),
        (b"{ClearText}{x}", (b"{x}",), (), ()),
        (b"{nt}" + HASH.hex().encode(), (), (HASH,), ()),
        (b"{SSHA}abc", (), (), ("{ssha}",)),
        (b"{", (b"{",), (), ()),
    ],
)
def test_a_header_names_the_form(value, clear, hashes, unsupported):
    assert passwords.read([("Password-With-Header", value)]) == (clear, hashes, unsupported)


def test_password_rows_are_known_by_attribute_in_any_case():
    assert all(passwords.holds(name) and passwords.holds(name.lower()) for name in passwords.ALL)
    assert not passwords.holds("User-Password")
    assert not passwords.holds("Password-Retry")


def test_every_form_is_in_the_dictionaries_that_can_name_it(dictionary):
    assert {name for name in passwords.PASSWORDS if dictionary.named(name) is None} == set()
