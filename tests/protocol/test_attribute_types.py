from radiusd.protocol import attribute_types as types


def test_no_two_constants_are_the_same_key():
    keys = [
        value
        for name, value in vars(types).items()
        if name.isupper() and isinstance(value, int) and (not name.startswith("VENDOR_") or value == 26)
    ]
    assert len(keys) > 70
    assert len(set(keys)) == len(keys)


def test_the_ranges_of_keys_do_not_meet():
    assert types.extended_key(241, 1) == 0xF10001
    assert types.extended_key(246, 255) < types.vendor_key(1, 0)
    assert types.extended_key(241, 1) > 0xFFFF
    assert types.vendor_key(311, 25) == types.MS_CHAP2_RESPONSE == 311 << 32 | 25
