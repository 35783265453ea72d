"""The files for pptpd hold none of the mistakes that are copied around, and match the guide."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy" / "pptpd"
GUIDE = (ROOT / "docs" / "nas-pptpd.md").read_text()


def lines(name):
    return [line for line in (FILES / name).read_text().splitlines() if line and not line.startswith("#")]


def test_the_guide_shows_the_options_file_as_it_is():
    block = GUIDE.partition("`/etc/ppp/pptpd-options`:\n\n```\n")[2].partition("```")[0]
    assert block.splitlines() == lines("pptpd-options")


@pytest.mark.parametrize("mistake", ["noauth", "mppe", "logfd", "maxconnect", "persist", "idle"])
def test_no_option_is_there_that_the_guide_warns_of(mistake):
    assert not [line for line in lines("pptpd-options") if line.split()[0] == mistake]


def test_encryption_and_radius_are_required():
    options = lines("pptpd-options")
    assert {"plugin radius.so", "require-mschap-v2", "require-mppe-128"} <= set(options)


def test_the_files_name_each_other():
    assert "option /etc/ppp/pptpd-options" in lines("pptpd.conf")
    assert "radius-config-file /etc/radiusclient/radiusclient.conf" in lines("pptpd-options")
    client = dict(line.split(None, 1) for line in lines("radiusclient.conf"))
    assert client["servers"] == "/etc/radiusclient/servers"
    assert client["dictionary"] == "/etc/radiusclient/dictionary"
    (server,) = lines("servers")
    assert client["authserver"].partition(":")[0] == server.split()[0]
    assert client["acctserver"].endswith(":1813")


def test_the_microsoft_attributes_are_those_of_our_dictionary(dictionary):
    found = re.findall(
        r"^ATTRIBUTE\s+(\S+)\s+(\d+)\s+\S+\s+Microsoft$", (FILES / "dictionary").read_text(), re.MULTILINE
    )
    names = {name for name, _ in found}
    assert {"MS-CHAP2-Success", "MS-MPPE-Send-Key", "MS-MPPE-Recv-Key", "MS-MPPE-Encryption-Policy"} <= names
    for name, number in found:
        known = dictionary.keyed(311 << 32 | int(number))
        assert known is not None, name


@pytest.mark.parametrize(
    "practice",
    [
        "lcp-echo-interval", "Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval", "active-filter",
        "nf_conntrack_gre_timeout", "TCP 1723", "Leaving PPTP", "Before production", "radattr.so", "mobile",
    ],
)  # fmt: skip
def test_the_guide_covers_every_practice(practice):
    assert practice in GUIDE
