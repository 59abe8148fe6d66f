import pytest

from agentflow.plan.network_rules import network_rule_problem, reaches


@pytest.mark.parametrize("rule", ["x.org", "api.x.org", "*.x.org", "x.org:8443", "*.x.org:22", "xn--bcher-kva.de"])
def test_a_host_every_host_below_one_or_one_port_of_it_can_be_granted(rule):
    assert network_rule_problem(rule) is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("https://x.org", "a URL"),
        ("x.org/path", "a URL"),
        ("me@x.org", "a URL"),
        ("*", "`*` stands alone"),
        ("a.*.org", "`*` stands alone"),
        ("*x.org", "`*` stands alone"),
        ("*.com", "private networks"),
        ("localhost", "private networks"),
        ("db.internal", "private networks"),
        ("10.0.0.1", "is an address"),
        ("169.254.169.254", "is an address"),
        ("2130706433", "is an address"),
        ("[::1]", "is an address"),
        ("[::1]:443", "is an address"),
        ("::1", "no port"),
        ("x.org:", "no port"),
        ("x.org:0", "no port"),
        ("x.org:65536", "no port"),
        ("x.org:ssh", "no port"),
        ("x.org:22:22", "no port"),
        ("X.org", "is written otherwise"),
        ("x.org.", "is written otherwise"),
        ("bücher.de", "is written otherwise"),
        ("", "no name"),
        ("x y.org", "no name"),
    ],
)
def test_what_names_no_public_host_in_its_one_form_is_refused_with_a_next_move(rule, said):
    problem = network_rule_problem(rule)
    assert problem is not None
    assert said in problem[0]
    assert problem[1].startswith("write `")


@pytest.mark.parametrize(
    ("rules", "host", "port", "reached"),
    [
        ([], "x.org", 443, False),
        (["x.org"], "x.org", 443, True),
        (["x.org"], "x.org", 80, True),
        (["x.org"], "x.org", 22, False),
        (["x.org"], "a.x.org", 443, False),
        (["*.x.org"], "a.x.org", 443, True),
        (["*.x.org"], "a.b.x.org", 443, True),
        (["*.x.org"], "x.org", 443, False),
        (["*.x.org"], ".x.org", 443, False),
        (["*.x.org"], "ax.org", 443, False),
        (["*.x.org"], "x.org.evil.org", 443, False),
        (["x.org:22"], "x.org", 22, True),
        (["x.org:22"], "x.org", 443, False),
        (["x.org:22", "x.org"], "x.org", 443, True),
        (["*.x.org:8443"], "a.x.org", 8443, True),
        (["*.x.org:8443"], "a.x.org", 443, False),
    ],
)
def test_a_host_is_reached_where_a_rule_covers_it_and_its_port(rules, host, port, reached):
    assert reaches(rules, host, port) is reached
