import pytest

from radiusd.errors import PolicyError
from radiusd.policy.expansion import Expansion

REQUEST = {"User-Name": "u", "NAS-Port": "7"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("plain }{ text", "plain }{ text"),
        ("hi %{User-Name}!", "hi u!"),
        ("%{request:NAS-Port}", "7"),
        ("100%%", "100%"),
        ("<%{NAS-Identifier}>", "<>"),
        ("%{%{NAS-Identifier}:-none}", "none"),
        ("%{%{User-Name}:-none}", "u"),
        ("%{%{NAS-Identifier}:-port %{NAS-Port}}!", "port 7!"),
        ("%{%{NAS-Identifier}:-%{%{Class}:-x}}", "x"),
    ],
)
def test_templates(dictionary, template, expected):
    expansion = Expansion(template, dictionary)
    assert expansion.expand(lambda attribute: REQUEST.get(attribute.name, "")) == expected


@pytest.mark.parametrize(
    "template",
    [
        "%{Nonsense}",
        "%{User-Name",
        "%{%{User-Name}}",
        "%{%{User-Name}:-x",
        "%u",
        "%",
        "%{sql:SELECT 1}",
        "%{reply:Class}",
    ],
)
def test_what_is_not_known_is_refused(dictionary, template):
    with pytest.raises(PolicyError, match="expansion"):
        Expansion(template, dictionary)
