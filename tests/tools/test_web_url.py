import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools.failures import ToolError
from agentflow.tools.web_url import read_url, redirected, require_granted

POLICY = AddressPolicy()

HOSTILE = [
    "", "x.org", "//x.org/", "/etc/passwd", "file:///etc/passwd", "ftp://x.org/", "gopher://x.org/_",
    "javascript:alert(1)", "data:text/html,hi", "http:x.org", "http:/x.org", "https:", "https://", "http:///x.org",
    "ht\ttp://x.org/", "http://x.org/a b", " http://x.org/", "http://x.org\n/", "http://x.org/\r\nHost: y.org",
    "http://x.org\\@y.org/", "http:\\\\x.org\\", "http://x.org/\x00", "http://x.org/\u2028", "http://x.org/\ud800", "http://x.org/\x7f",
    "http://user@x.org/", "http://user:pass@x.org/", "http://@x.org/", "http://x.org@127.0.0.1/",
    "http://127.0.0.1@x.org/", "http://x.org:22/", "http://x.org:6379/", "http://x.org:8080/", "http://x.org:0/",
    "http://x.org:99999/", "http://x.org:-1/", "http://x.org:8o/", "https://x.org:11211/",
    "http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/", "http://intranet/",
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/",
    "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.1./", "http://0/",
    "http://0.0.0.0/", "http://1.1.1.1/", "http://10.0.0.1/", "http://192.168.0.1/", "http://169.254.169.254/latest",
    "http://2852039166/", "http://0xA9FEA9FE/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[fe80::1%25eth0]/", "http://[fd00:ec2::254]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://[2606:4700::1111]/", "http://[::1", "http://::1/", "http://[v1.x]/",
    "http://[x.org]/", "http://a[x.org]/",
    "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://１２７.0.0.1/", "http://127%2e0%2e0%2e1/",
    "http://x%2eorg/", "http://%6cocalhost/", "http://x..org/", "http://.x.org/", "http://-x.org/", "http://x_.-.org/",
    "http://metadata.google.internal/", "http://nas.local/", "http://router.lan/", "http://x.onion/",
    "http://1.0.0.127.in-addr.arpa/", "http://" + "a" * 64 + ".org/", "http://" + "a." * 200 + "org/",
    "http://x.org/" + "a" * 5000, "http://xn--a.org/", "http://\u0130.\u200b/", "http://x.org:80:80/", "https://*.x.org/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_a_url_that_could_lead_elsewhere_is_refused_before_anything_is_looked_up(url):
    with pytest.raises(ToolError) as refused:
        read_url(url, POLICY)
    assert refused.value.message
    assert len(refused.value.message) < 600
    assert refused.value.message.isprintable()


def test_the_table_of_hostile_urls_is_long():
    assert len(set(HOSTILE)) == len(HOSTILE) >= 80


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://x.org", "https://x.org/"),
        ("HTTPS://X.ORG/A?b=C#d", "https://x.org/A?b=C"),
        ("https://x.org.:443/", "https://x.org/"),
        ("http://x.org:80", "http://x.org/"),
        ("http://x.org:443/", "http://x.org:443/"),
        ("https://bücher.de/ü?q=ä", "https://xn--bcher-kva.de/%C3%BC?q=%C3%A4"),
        ("https://x.org/%20%C3%BC", "https://x.org/%20%C3%BC"),
        ("https://x.org/a/../b//c", "https://x.org/a/../b//c"),
        ("https://x.org?q=http://127.0.0.1/", "https://x.org/?q=http://127.0.0.1/"),
        ("https://x.org/@127.0.0.1", "https://x.org/@127.0.0.1"),
        ('https://x.org/"<>', "https://x.org/%22%3C%3E"),
        ("https://x.org:/a", "https://x.org/a"),
    ],
)
def test_what_is_asked_for_is_what_was_read(text, read):
    assert str(read_url(text, POLICY)) == read


PIECES = [
    "http", "https", "://", ":", "/", "//", "@", "[", "]", "?", "#", ".", "x.org", "127.0.0.1", "0x7f", "::1",
    "%", "%2e", "\\", "ｘ", "。", "xn--", "é", "\u0130", "localhost", ":80", ":443", "٣", "\ud800", " ", "a" * 70,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_whatever_is_given_is_a_url_of_a_named_host_or_refused(text):
    for given_text in (text, f"https://{text}", f"https://x.org{text}"):
        try:
            url = read_url(given_text, POLICY)
        except ToolError:
            continue
        assert url.host.isascii()
        assert url.host == url.host.lower()
        assert not url.host.rpartition(".")[2].isdigit()
        assert url.target.isascii()
        assert url.target.startswith("/")
        assert url.target.isprintable()
        assert read_url(str(url), POLICY) == url


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "https://x.org/b"),
        ("c?d", "https://x.org/a/c?d"),
        ("//y.org/e", "https://y.org/e"),
        ("https://y.org", "https://y.org/"),
        ("?q", "https://x.org/a/b?q"),
    ],
)
def test_a_redirect_is_seen_from_where_it_came(location, target):
    assert str(redirected(read_url("https://x.org/a/b", POLICY), location, POLICY)) == target


@pytest.mark.parametrize(
    "location",
    ["http://x.org/", "http://127.0.0.1/", "//[::1]/", "file:///etc/passwd", "https://u:p@y.org/", "https://y.org:22/",
     "javascript:1", "https://[", "//localhost/", "\\\\127.0.0.1\\"],
)  # fmt: skip
def test_a_redirect_to_where_nothing_may_be_fetched_is_told(location):
    with pytest.raises(ToolError, match="redirects to"):
        redirected(read_url("https://x.org/a", POLICY), location, POLICY)


def test_a_host_that_is_not_granted_is_refused_with_those_that_are():
    with pytest.raises(ToolError, match=r"`y.org` is not granted; you may fetch from: x.org, \*.z.org"):
        require_granted(read_url("https://y.org/", POLICY), ("domain:x.org", "domain:*.z.org"))
    require_granted(read_url("https://a.z.org/", POLICY), ("domain:x.org", "domain:*.z.org"))
    require_granted(read_url("https://anything.com/", POLICY), ())
