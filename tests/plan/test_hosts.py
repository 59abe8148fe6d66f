import pytest

from agentflow.plan.hosts import HostError, canonical_host, covers, domain_rule_problem, site_rule_problem


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x.org", "x.org"),
        ("X.ORG", "x.org"),
        ("x.org.", "x.org"),
        ("a_b.x.org", "a_b.x.org"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("XN--BCHER-KVA.DE", "xn--bcher-kva.de"),
        ("ｘ．ｏｒｇ", "x.org"),
        ("x。org", "x.org"),
        ("straße.de", "xn--strae-oqa.de"),
        ("1.2.3.4.org", "1.2.3.4.org"),
        ("0x7f.com", "0x7f.com"),
    ],
)
def test_a_name_has_one_form_however_it_is_written(text, name):
    assert canonical_host(text) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "x..org", ".x.org", "x.org..", "x y.org", "-x.org", "x-.org", "x.org:80", "a" * 64 + ".org",
     ("a" * 60 + ".") * 5 + "org", "xn--a.org", "x/y.org", "x%2eorg", "*.x.org", "x\n.org", "\ud800.org", "é" * 300],
)  # fmt: skip
def test_what_names_no_host_is_no_name(text):
    with pytest.raises(HostError):
        canonical_host(text)


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1", "127.0.0.1.",
     "１２７.0.0.1", "1.2.3.4.5", "999", "x.0x1f", "::1", "[::1]", "[::ffff:127.0.0.1]", "fe80::1%25eth0", "x.org.1"],
)  # fmt: skip
def test_an_address_in_any_notation_is_no_name(text):
    with pytest.raises(HostError, match="address"):
        canonical_host(text)


@pytest.mark.parametrize(
    "text",
    ["localhost", "LOCALHOST.", "a.localhost", "intranet", "db.local", "metadata.google.internal", "x.home.arpa",
     "x.onion", "nas.lan", "x.test", "1.0.0.127.in-addr.arpa", "com"],
)  # fmt: skip
def test_names_of_private_networks_are_never_reached(text):
    with pytest.raises(HostError, match="private"):
        canonical_host(text)


@pytest.mark.parametrize(
    ("rules", "host", "covered"),
    [
        ([], "x.org", True),
        (["domain:x.org"], "x.org", True),
        (["domain:x.org"], "a.x.org", False),
        (["domain:x.org"], "ax.org", False),
        (["domain:x.org"], "x.org.evil.com", False),
        (["domain:*.x.org"], "a.x.org", True),
        (["domain:*.x.org"], "a.b.x.org", True),
        (["domain:*.x.org"], "x.org", False),
        (["domain:*.x.org"], "evilx.org", False),
        (["domain:*.x.org", "domain:x.org"], "x.org", True),
        (["domain:a.org", "domain:b.org"], "b.org", True),
    ],
)
def test_a_rule_covers_exactly_what_it_names(rules, host, covered):
    assert covers(rules, host) is covered


@pytest.mark.parametrize("rule", ["domain:x.org", "domain:*.x.org", "domain:*.co.uk", "domain:xn--bcher-kva.de"])
def test_a_rule_that_names_hosts_is_sound(rule):
    assert domain_rule_problem(rule) is None


@pytest.mark.parametrize(
    "rule",
    ["", "x.org", "domain:", "domain:*", "domain:*.", "domain:https://x.org", "https://x.org/", "domain:x.org/a",
     "domain:x.org:8080", "domain:u@x.org", "domain:a.*.org", "domain:**.x.org", "domain:x*.org", "domain:127.0.0.1",
     "domain:[::1]", "domain:localhost", "domain:X.org", "domain:x.org.", "domain:bücher.de", "domain: x.org",
     "site:x.org", "domain:*.org."],
)  # fmt: skip
def test_a_rule_that_could_be_read_in_two_ways_is_refused_with_a_next_move(rule):
    problem = domain_rule_problem(rule)
    assert problem is not None
    assert problem[0]
    assert problem[1].startswith("write ")


def test_a_search_takes_a_site_with_all_below_it():
    assert site_rule_problem("domain:x.org") is None
    assert site_rule_problem("domain:*.x.org") == (
        "a search takes a site with all below it, and cannot leave the site itself out",
        "write `domain:x.org`",
    )
    assert "no rule of this tool" in site_rule_problem("site:x.org")[0]
