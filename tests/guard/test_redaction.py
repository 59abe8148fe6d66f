"""Values are found however programs write them, whole and in pieces."""

import base64
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.redaction import Pieces, Redactor
from agentflow.guard.secret_forms import SHORTEST, lines_of
from tests.acceptance.spill import WAYS as SPILLED
from tests.acceptance.spill import wrapped

PLAIN = "sesame-opens-the-door-42"
ODD = "s3cr3t/'va+lue\" &<x>€-9Zq"


def by_program(*argv: str) -> Callable[[str], str]:
    """What a program prints that is fed `Bearer`, the value, and a line's end."""

    def printed(value: str) -> str:
        fed = f"Bearer {value}\n".encode()
        return subprocess.run(argv, input=fed, capture_output=True, check=True).stdout.decode("utf-8", "replace")

    return printed


WAYS: dict[str, Callable[[str], str]] = {
    **SPILLED,
    "by od": by_program("od", "-An", "-tx1"),
    "by od in letters": by_program("od", "-c"),
    "by base64": by_program("base64", "-w", "20"),
}


# In the others a text is searched as a whole, or line by line, and not over the cuts between pieces.
IN_PIECES = [
    "as it is", "in JSON", "in JSON in JSON", "in an address", "in HTML", "quoted for a shell", "as Python shows it",
    "in hexadecimal", "in base64", "in base64 behind a letter", "in base64 as a password", "in base64 of UTF-16",
    "backwards",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [PLAIN, ODD], ids=["plain", "odd"])
def test_a_value_is_found_however_it_is_written(value: str, way: str):
    written = WAYS[way](value)
    shown = Redactor({"TOKEN": value}).redacted(f"before {written} after")
    assert "[secret TOKEN]" in shown
    for form in (value, value[:12], value[-12:]):
        assert form not in shown
        assert base64.b64encode(form.encode()).decode().rstrip("=")[:-2] not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_in_utf_16_it_is_found_too():
    shown = Redactor({"TOKEN": PLAIN}).redacted(PLAIN.encode("utf-16-le").decode())
    assert shown.startswith("[secret TOKEN]")


def test_the_lines_of_a_key_are_found_alone_but_what_frames_every_key_is_left():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
    redactor = Redactor({"KEY": key})
    assert redactor.redacted("x hkiG9w0BAQEFAASC y") == "x [secret KEY] y"
    assert redactor.redacted("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert redactor.redacted(key) == "[secret KEY]\n"


def test_of_an_address_the_password_alone_is_found():
    redactor = Redactor({"DB": "postgres://app:p4ssw0rd-x@db.example.com/app"})
    assert redactor.redacted("password p4ssw0rd-x refused for app@db.example.com") == (
        "password [secret DB] refused for app@db.example.com"
    )


def test_a_short_password_that_no_file_declares_is_not_taken_out_of_every_text():
    address = "postgresql://postgres:postgres@localhost/postgres"
    redactor = Redactor({"DATABASE_URL": address}, operators=["DATABASE_URL"])
    assert redactor.redacted("image: postgres:16") == "image: postgres:16"
    assert redactor.redacted(f"at {address}") == "at [secret DATABASE_URL]"
    long = Redactor({"DATABASE_URL": "mysql://root:operators-db-pass@db/x"}, operators=["DATABASE_URL"])
    assert long.redacted("it is operators-db-pass") == "it is [secret DATABASE_URL]"


@pytest.mark.parametrize(
    "text", ["image: postgres", "postgresql", "postgresql://", "see postgres…", "a post\n[… 20 bytes cut …]\nb"]
)
def test_what_all_addresses_begin_with_is_no_piece_of_one(text: str):
    redactor = Redactor({"DB": "postgresql://app:p4ssw0rd-x@db.example.com/app"})
    assert redactor.redacted(text) == text
    assert redactor.redacted("at postgresql://app:p4s") == "at [secret DB]"


@pytest.mark.parametrize("value", ["", "12345", "   a   "])
def test_short_values_are_not_looked_for(value: str):
    assert lines_of(value) == ()
    assert Redactor({"A": value}).is_empty
    assert len("12345") < SHORTEST


def test_the_longer_of_two_values_is_found_first():
    redactor = Redactor({"SHORT": "abcdef", "LONG": "abcdefghi"})
    assert redactor.redacted("abcdefghi abcdef") == "[secret LONG] [secret SHORT]"


def test_many_values_are_found_each_under_its_name():
    values = {f"S{number}": f"value-number-{number:03}-{number * 7919 % 1000:03}" for number in range(40)}
    text = "\n".join(values.values())
    assert Redactor(values).redacted(text) == "\n".join(f"[secret {name}]" for name in values)


def test_in_bytes_of_a_file_the_name_is_told():
    redactor = Redactor({"A": PLAIN, "B": "another-value"})
    assert redactor.in_bytes(b"\xff\x00another-value\x00") == "B"
    assert redactor.in_bytes(b"nothing") is None


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_text_without_a_value_is_left_as_it_is(text: str):
    assert Redactor({"A": "e7c1b5f0-4d2a-9b3e"}).redacted(text) == text


@given(st.lists(st.integers(1, 12), min_size=1, max_size=80), st.sampled_from(IN_PIECES))
def test_in_pieces_of_any_length_no_piece_of_a_value_gets_out(cuts: list[int], way: str):
    text = f"said: {WAYS[way](PLAIN)} and done"
    whole = Redactor({"TOKEN": PLAIN})
    pieces, given_out, at = Pieces(whole), "", 0
    while at < len(text):
        step = cuts[at % len(cuts)]
        given_out += pieces.add(text[at : at + step])
        at += step
    assert given_out + pieces.end() == whole.redacted(text)


def test_a_piece_that_may_begin_a_value_is_held_back_and_nothing_else():
    pieces = Pieces(Redactor({"TOKEN": PLAIN}))
    assert pieces.add("the sesame") == "the "
    assert pieces.add(" oil") == "sesame oil"
    assert pieces.add(" ses") == " "
    assert pieces.end() == "ses"


def test_of_two_values_that_begin_alike_the_rest_of_the_longer_does_not_get_out():
    pieces = Pieces(Redactor({"SHORT": "abcdef", "LONG": "abcdefghi"}))
    assert "".join([*(pieces.add(one) for one in "x abcdefghi y"), pieces.end()]) == "x [secret LONG] y"


def test_base64_that_goes_on_in_the_next_piece_after_a_line_is_found():
    first, _, second = wrapped(PLAIN).partition("\n")
    pieces = Pieces(Redactor({"TOKEN": PLAIN}))
    shown = pieces.add(first + "\n") + pieces.add(second + "\n") + pieces.end()
    assert "[secret TOKEN]" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("error: sesame-opens-the", "error: [secret TOKEN]"),
        ("error: sesame-opens… and more", "error: [secret TOKEN]… and more"),
        ("error: c2VzYW1lLW9wZW5zLXR…", "error: [secret TOKEN]…"),
        ("sesame…", "sesame…"),
        ("a sesame", "a sesame"),
    ],
)
def test_a_value_that_was_cut_off_is_taken_out_too(text: str, shown: str):
    assert Redactor({"TOKEN": PLAIN}).redacted(text) == shown
