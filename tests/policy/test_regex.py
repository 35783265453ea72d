import time

import pytest

from radiusd.errors import PolicyError
from radiusd.policy.regex import MOST_CHARACTERS, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("AS", "nasid", False),
        ("(?i)AS", "nasid", True),
        (r"\bnas", "nasid", True),
        ("^n[[:alpha:]]+$", "nasid", True),
        ("^n[[:alpha:]]+$", "nas1", False),
        ("^[^[:digit:]]$", "5", False),
        ("^[][:upper:]]+$", "A]", True),
        (r"^[\]a]+$", "a]", True),
        (r"\[[ab]\]", "[a]", True),
        (r"^(\d{1,3}\.){3}\d{1,3}$", "192.0.2.1", True),
        (r"^([0-9A-F]{2}[:-]){5}[0-9A-F]{2}$", "00-11-22-33-44-55", True),
        ("^(vpn|dial)[0-9]*$", "dial7", True),
        ("^(ab)+$", "abab", True),
        ("^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$", "2001:db8:0:0:0:0:0:1", True),
        ("^(a|b|c|d|e|f|g)(a|b|c|d|e|f|g)$", "ag", True),
        (".*vpn.*-.*-a", "xvpn-1-a", True),
        ("a{2,}", "aa", True),
        ("a{", "a{", True),
        ("^(?:a|b)?c$", "bc", True),
        ("^a+?b*+$", "aab", True),
        (r"\(a*\)+", "(aa))", True),
        ("[*]+[+]*", "**+", True),
    ],
)
def test_patterns_that_are_taken(pattern, text, expected):
    assert (compile_pattern(pattern).search(text) is not None) is expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("n[", "not a regular expression"),
        ("(a", "not a regular expression"),
        ("*a", "not a regular expression"),
        ("[[:letters:]]", "no character class"),
        ("(a+)+$", "repeats an open repeat"),
        ("(?:x(a*)y)*", "repeats an open repeat"),
        ("(a{1,}){2}", "repeats an open repeat"),
        ("((a+)b){20}", "repeats an open repeat"),
        ("(a|aa)+$", "alternatives"),
        ("(a?)*b", "varying length"),
        ("([0-9]{1,3}){20}", "varying length"),
        ("^(a{1,8}){8}b", "too many alternatives"),
        ("a?" * 20 + "a" * 20, "too many alternatives"),
        ("a.*b.*c.*d", "more than 3 open repeats"),
        ("^a*a*a*a*b", "more than 3 open repeats"),
        ("a" * (MOST_CHARACTERS + 1), "longer than"),
    ],
)
def test_patterns_that_are_refused(pattern, words):
    with pytest.raises(PolicyError, match=words):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["a.*a.*b", ".*a.*a.*b", "^a*a*a*b", "^(a{1,4}){7}b", "^(a?){8}(a?){5}b", ".*[ab]+[ab]+c", "(a|a){8}b"]
)
def test_the_worst_that_is_taken_ends_in_time(pattern):
    compiled = compile_pattern(pattern)
    started = time.process_time()
    assert compiled.search("a" * 253) is None
    assert time.process_time() - started < 1
