"""What pppd really sends and FreeRADIUS really answers, octet for octet (captures/README.md)."""

from pathlib import Path

import pytest

from radiusd.protocol import attribute_types as types
from radiusd.protocol import chap, codes, encode, hiding, mschap
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

FOLDER = Path(__file__).parent / "captures"


def blocks(path):
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith("#"))
        if "hex" in fields:
            yield fields | {"raw": bytes.fromhex(fields["hex"]), "secret": Secret(fields["secret"].encode())}


CAPTURED = {block["name"]: block for path in sorted(FOLDER.glob("*.txt")) for block in blocks(path)}
REQUESTS = [block for block in CAPTURED.values() if "answers" not in block]
REPLIES = [(CAPTURED[block["answers"]], block) for block in CAPTURED.values() if "answers" in block]


def named(select):
    return pytest.mark.parametrize("block", [pytest.param(b, id=b["name"]) for b in REQUESTS if select(b)])


def answered(select=lambda _request, _reply: True):
    chosen = [pytest.param(q, r, id=r["name"]) for q, r in REPLIES if select(q, r)]
    return pytest.mark.parametrize(("request_", "reply"), chosen)


def test_the_captures_are_all_there():
    methods = [block["auth"] for block in REQUESTS if "auth" in block]
    assert {m: methods.count(m) for m in set(methods)} == {"pap": 1, "chap": 1, "mschap": 1, "mschapv2": 33}
    assert len(REPLIES) == 81
    assert len(CAPTURED) == len(REQUESTS) + len(REPLIES)


@pytest.mark.parametrize("block", [pytest.param(b, id=n) for n, b in CAPTURED.items()])
def test_every_packet_decodes_and_its_attributes_encode_again_to_the_same_octets(block):
    packet = decode(block["raw"])
    assert packet.raw == block["raw"]
    assert b"".join(encode.attribute(key, value) for key, value in packet.attributes) == block["raw"][20:]
    assert types.VENDOR_SPECIFIC not in {key for key, _ in packet.attributes}
    if "user" in block:
        assert (packet.first(types.USER_NAME) or b"").decode() == block["user"]


@named(lambda block: block["raw"][0] == codes.ACCOUNTING_REQUEST)
def test_accounting_authenticators(block):
    assert block["secret"].accounting_ok(block["raw"]) is (block["authenticator"] == "ok")
    assert not Secret(b"another").accounting_ok(block["raw"])


@answered()
def test_response_authenticators(request_, reply):
    asked = request_["raw"][4:20]
    assert reply["secret"].response_ok(reply["raw"], asked) is (reply["authenticator"] == "ok")
    packet = decode(reply["raw"])
    if packet.message_authenticator_at >= 0:
        secret = reply["secret"]
        assert secret.message_authenticator_ok(reply["raw"], packet.message_authenticator_at, asked)
        assert not secret.message_authenticator_ok(reply["raw"], packet.message_authenticator_at, bytes(16))


@answered(lambda _request, reply: reply["authenticator"] == "ok")
def test_replies_are_made_again_octet_for_octet(request_, reply):
    packet, raw = decode(reply["raw"]), reply["raw"]
    made = encode.response(
        packet.code, packet.identifier, request_["raw"][4:20], reply["secret"], raw[20:], message_authenticator=False
    )
    assert made == raw
    assert codes.name(packet.code) == reply["code"]


def test_pap():
    (block,) = (b for b in REQUESTS if b.get("auth") == "pap")
    packet = decode(block["raw"])
    hidden = packet.first(types.USER_PASSWORD)
    assert hiding.user_password(hidden, block["secret"], packet.authenticator) == block["password"].encode()
    assert hiding.hide_user_password(block["password"].encode(), block["secret"], packet.authenticator) == hidden


def test_chap():
    (block,) = (b for b in REQUESTS if b.get("auth") == "chap")
    packet = decode(block["raw"])
    proof, challenge = packet.first(types.CHAP_PASSWORD), packet.first(types.CHAP_CHALLENGE)
    assert chap.verify(proof, challenge, block["password"].encode())
    assert not chap.verify(proof, challenge, b"Password")


def test_mschap_and_the_keys_of_its_reply():
    ((block, reply),) = ((q, r) for q, r in REPLIES if q.get("auth") == "mschap")
    packet, hashed = decode(block["raw"]), mschap.nt_hash(block["password"].encode())
    proof, challenge = packet.first(types.MS_CHAP_RESPONSE), packet.first(types.MS_CHAP_CHALLENGE)
    assert mschap.verify_v1(proof, challenge, hashed)
    assert not mschap.verify_v1(proof, challenge, mschap.nt_hash(b"Password"))
    hidden = decode(reply["raw"]).first(types.MS_CHAP_MPPE_KEYS)
    assert hiding.hide_user_password(mschap.mppe_v1_keys(hashed), block["secret"], packet.authenticator) == hidden


def is_mschapv2(block):
    # pppd spreads each octet of a password over two, where Windows converts UTF-8: see the test of its own below.
    return block.get("auth") == "mschapv2" and block["user"] != "utf8"


@named(is_mschapv2)
def test_mschapv2(block):
    packet, hashed = decode(block["raw"]), mschap.nt_hash(block["password"].encode())
    proof, challenge = packet.first(types.MS_CHAP2_RESPONSE), packet.first(types.MS_CHAP_CHALLENGE)
    name = packet.first(types.USER_NAME)
    assert mschap.verify_v2(proof, challenge, name, hashed)
    assert not mschap.verify_v2(proof, challenge, name + b"x", hashed)
    assert not mschap.verify_v2(proof, challenge, name, mschap.nt_hash(b"Password"))


@answered(lambda request_, reply: is_mschapv2(request_) and reply["code"] == "Access-Accept")
def test_mschapv2_success_and_keys(request_, reply):
    asked, answer = decode(request_["raw"]), decode(reply["raw"])
    hashed = mschap.nt_hash(request_["password"].encode())
    proof, challenge = asked.first(types.MS_CHAP2_RESPONSE), asked.first(types.MS_CHAP_CHALLENGE)
    success = mschap.authenticator_response(proof, challenge, asked.first(types.USER_NAME), hashed)
    assert answer.first(types.MS_CHAP2_SUCCESS) == proof[:1] + success
    if answer.first(types.MS_MPPE_SEND_KEY) is None or reply["authenticator"] == "bad":
        return
    for key, plain in zip(
        (types.MS_MPPE_SEND_KEY, types.MS_MPPE_RECV_KEY), mschap.mppe_v2_keys(hashed, proof[26:]), strict=True
    ):
        hidden = answer.first(key)
        assert hiding.salt_decrypt(hidden, reply["secret"], asked.authenticator) == plain
        assert hiding.salt_encrypt(plain, reply["secret"], asked.authenticator, hidden[:2]) == hidden


@answered(lambda _request, reply: decode(reply["raw"]).first(types.MS_CHAP_ERROR) is not None)
def test_mschap_errors_are_written_as_freeradius_writes_them(request_, reply):
    error = decode(reply["raw"]).first(types.MS_CHAP_ERROR)
    challenge = bytes.fromhex(error.split(b"C=")[1][:32].decode())
    made = mschap.error_text(
        decode(request_["raw"]).first(types.MS_CHAP2_RESPONSE)[0],
        mschap.AUTHENTICATION_FAILURE,
        retry=True,
        challenge=challenge,
        message="Authentication rejected",
    )
    assert made == error


@named(lambda block: block.get("user") == "utf8" and block.get("auth") == "mschapv2")
def test_pppd_does_not_read_its_own_password_as_utf8(block):
    packet, typed = decode(block["raw"]), block["password"].encode()
    proof, challenge = packet.first(types.MS_CHAP2_RESPONSE), packet.first(types.MS_CHAP_CHALLENGE)
    octet_by_octet = mschap.nt_hash(typed.decode("latin-1").encode())
    assert mschap.verify_v2(proof, challenge, b"utf8", octet_by_octet)
    assert not mschap.verify_v2(proof, challenge, b"utf8", mschap.nt_hash(typed))
