import re

from radiusd.admin import docs


async def test_the_page_is_there_without_a_token(connect):
    answer = await connect(None).get("http://radiusd/api/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == docs.PAGE


async def test_nothing_but_the_page_itself_may_run(connect):
    policy = (await connect(None).get("http://radiusd/api/docs")).headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'self'"
    for name in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", directives[name])


def test_it_names_no_other_host():
    assert not re.search(r"//[a-z]|@import|url\(|<link|<img|<iframe|\bsrc=", docs.PAGE)
    assert set(re.findall(r'(?:href|fetch)[=(]"([^"]*)"', docs.PAGE)) == {"openapi.json"}


def test_what_it_shows_never_becomes_markup():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| on[a-z]+=|style=", docs.PAGE)
