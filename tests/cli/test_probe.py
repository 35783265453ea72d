"""`radiusd probe` against a server that really runs."""

import pytest

from tests.running import SECRET, start


@pytest.fixture
def server(database, tmp_path):
    """Run a server that knows alice."""
    running = start(database, tmp_path, workers=1)
    try:
        running.add_client("127.0.0.1")
        running.add_group("staff", Session_Timeout="14400")
        running.add_user("alice", "wonderland", ["staff"])
        yield running
    finally:
        running.discard()


def test_a_server_is_probed_in_every_way(run, server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    to = ["--port", str(server.auth_port), "--secret-file", str(secret)]

    def auth(*options, password=b"wonderland\n"):
        return run("probe", "auth", "alice", "--password-stdin", *to, *options, stdin=password)

    run_until_known(server)
    for method in ("pap", "chap", "mschap", "mschapv2"):
        told = auth("--method", method, "--json").json()
        assert told["code"] == "Access-Accept", told
        assert told["message_authenticator"] is True
        assert {"attribute": "Session-Timeout", "value": "14400"} in told["attributes"]
    assert told["proofs"] == {"MS-CHAP2-Success": True, "MPPE keys": True}

    text = auth("--method", "mschapv2", "NAS-Port-Type=Virtual", "NAS-Port=3").out
    assert text.startswith("Access-Accept from 127.0.0.1")
    assert "  Session-Timeout = 14400\n" in text
    assert "MS-CHAP2-Success: verified" in text

    wrong = auth("--json", password=b"looking-glass\n")
    assert wrong.code == 1
    assert '"Access-Reject"' in wrong.out

    silent = run(
        "probe",
        "auth",
        "alice",
        "--password",
        "x",
        "--port",
        to[1],
        "--secret",
        "wrong",
        "--timeout",
        "0.3",
        "--tries",
        "1",
    )
    assert silent.code == 1
    assert "secret" in silent.err

    acct = ["--port", str(server.acct_port), "--secret-file", str(secret)]
    for status in ("start", "interim", "stop"):
        told = run("probe", "acct", "alice", "Acct-Session-Time=60", "--status", status, "--session-id", "s1", *acct)
        assert told.code == 0
        assert told.out.startswith("Accounting-Response")
    assert server.sql("SELECT username, acctsessionid FROM radacct") == [("alice", "s1")]

    assert run("probe", "status", *to).code == 0
    assert run("probe", "status", "--acct", *acct).out.startswith("Accounting-Response")


def run_until_known(server):
    """Wait until the rows of this test are in force."""
    from tests.running import until

    until(server.accepts("alice", "wonderland"), 10, "alice is known")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["auth", "alice", "--password", "x", "--secret", "s", "No-Such=1"], "No-Such"),
        (["auth", "alice", "--password", "x", "--secret", "s", "Cleartext-Password=x"], "Cleartext-Password"),
        (["auth", "alice", "--password", "x", "--secret", "s", "NAS-Port=many"], "NAS-Port"),
        (["auth", "alice", "--password", "x", "--secret", "s", "NAS-Port"], "ATTRIBUTE=VALUE"),
        (["auth", "alice", "--password-stdin", "--secret-stdin"], "standard input"),
        (["auth", "alice", "--password", "x"], "--secret-stdin"),
        (["acct", "alice", "--status", "paused", "--secret", "s"], "paused"),
    ],
)
def test_what_cannot_be_sent_is_a_mistake_in_usage(run, arguments, word):
    told = run("probe", *arguments)
    assert told.code == 2
    assert word in told.err


def test_silence_is_json_too(run):
    told = run("probe", "status", "--secret", "s", "--port", "9", "--timeout", "0.1", "--tries", "1", "--json")
    assert told.code == 1
    assert '"code": null' in told.out
