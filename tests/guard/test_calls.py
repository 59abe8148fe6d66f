"""A call as it is shown, and the digest that a yes is bound to."""

from agentflow.guard.calls import call_text, digest_of


def test_the_same_call_has_the_same_digest_whatever_the_order_of_its_arguments():
    assert digest_of("a", {"x": 1, "y": [2]}) == digest_of("a", {"y": [2], "x": 1})


def test_any_other_call_has_another():
    digests = [
        digest_of("a", {"x": "1"}), digest_of("a", {"x": 1}), digest_of("b", {"x": "1"}), digest_of("a", {"x": "1 "}),
        digest_of("a", {"x": "1\u200b"}), digest_of("a", {"x": "\u0430"}), digest_of("a", {"x": "a"}),
        digest_of("a", {"x": True}), digest_of("a", {}), digest_of("a", {"x": "\ud800"}),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)


def test_a_call_is_shown_whole_with_what_might_deceive():
    text = call_text("send", {"to": "pаypal\u200b.com", "body": "x" * 100_000 + "end"})
    assert "x" * 100_000 + "end" in text
    assert "pаypal⟦U+200B⟧.com" in text
    assert "! `to` holds characters that nobody sees" in text
    assert "! `to` holds letters that look like others: а (CYRILLIC SMALL LETTER A)" in text
