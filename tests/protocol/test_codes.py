from radiusd.protocol import codes


def test_every_code_has_a_name_and_every_name_a_code():
    numbers = {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, int)}
    assert numbers == set(codes.NAMES)
    assert len(set(codes.NAMES.values())) == len(numbers)


def test_names():
    assert codes.name(codes.ACCESS_REQUEST) == "Access-Request"
    assert codes.name(codes.COA_NAK) == "CoA-NAK"
    assert codes.name(250) == "Code-250"
