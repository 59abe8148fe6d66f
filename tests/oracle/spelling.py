"""Ways to write things in bash: words, blanks, and small damage done to a text."""

import random
import shlex

PLAIN = ("push", "-rf", "a.txt", "--force", "src/a.c", "x", "-n", "--", "origin", "-o", "a=b", "0", "build", "-C", ".")
"""Arguments that need no quotes."""
ODD = (
    "b c.txt",
    "it's",
    "*",
    "a;b",
    "$HOME",
    "#",
    "~",
    "{a,b}",
    "a\nb",
    "",
    "!",
    "[a-z]",
    "é",
    "a\tb",
    "\\",
    '"',
    "-c",
)
"""Arguments that do."""
NAMES = ("v", "x", "_a", "arr", "A1")
"""Names of variables that mean nothing to any program."""


def spelled(word: str, rng: random.Random) -> str:
    """The word as bash will read it, written in one of the many ways to write it."""
    return rng.choice(_SPELLINGS)(word, rng)


def blank(rng: random.Random) -> str:
    """What stands between two words, which is nearly always one space."""
    return rng.choices((" ", "  ", "\t", " \\\n", "\\\n ", " \t "), (80, 5, 5, 4, 3, 3))[0]


def damaged(text: str, rng: random.Random) -> str:
    """The text with one to three small changes; often bash refuses it then, and often it does something else."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(10):
            case 0:
                text = text[:at] + text[at + 1 :]
            case 1:
                text = text[:at] + text[at : at + 1] * 2 + text[at + 1 :]
            case 2:
                end = rng.randrange(at, min(len(text), at + 8) + 1)
                text = text[:at] + text[end:] + text[at:end]
            case 3:
                place = rng.choice([at, *(i for i, letter in enumerate(text) if letter in " \n;|&")])
                text = text[:place] + rng.choice(_ODD_BLANKS) + text[place:]
            case _:
                text = text[:at] + rng.choice(_INSERTED) + text[at:]
    return text


def _each_escaped(word: str, _rng: random.Random) -> str:
    return "".join(f"\\{letter}" if letter != "\n" else "$'\\n'" for letter in word) or "''"


def _ansi(word: str, rng: random.Random) -> str:
    written = "".join(rng.choice(_ANSI_SPELLINGS)(letter) for letter in word)
    return f"$'{written}'"


def _letter(letter: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\\": "\\\\", "'": "\\'"}.get(letter, letter)


def _hexadecimal(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _octal(letter: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in letter.encode())


def _unicode(letter: str) -> str:
    return f"\\u{ord(letter):04x}"


_ANSI_SPELLINGS = (_letter, _letter, _hexadecimal, _octal, _unicode)


def _double(word: str, _rng: random.Random) -> str:
    return '"' + "".join(f"\\{letter}" if letter in '"\\$`' else letter for letter in word) + '"'


def _locale(word: str, rng: random.Random) -> str:
    return "$" + _double(word, rng)


def _single(word: str, _rng: random.Random) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _needed(word: str, _rng: random.Random) -> str:
    return shlex.quote(word)


def _pieces(word: str, rng: random.Random) -> str:
    if len(word) < 2:
        return _single(word, rng)
    at = rng.randrange(1, len(word))
    return rng.choice(_QUOTED)(word[:at], rng) + rng.choice(_QUOTED)(word[at:], rng)


def _with_nothing(word: str, rng: random.Random) -> str:
    written = shlex.quote(word)
    if written != word:
        return rng.choice(_NOTHINGS) + written
    at = rng.randrange(len(word) + 1)
    return written[:at] + rng.choice(_NOTHINGS) + written[at:]


def _continued(word: str, rng: random.Random) -> str:
    written = shlex.quote(word)
    if written != word:
        return written
    at = rng.randrange(1, len(word) + 1)
    return written[:at] + "\\\n" + written[at:]


_QUOTED = (_needed, _single, _double, _ansi, _each_escaped)
_SPELLINGS = (*_QUOTED * 6, *(_pieces,) * 12, *(_with_nothing,) * 4, _continued, _locale)
_NOTHINGS = ("''", '""', "$''", '$""', "$@", "${none}", "$()", "${none:-}", "``", '"$@"', "${none-}", "$*")
_ODD_BLANKS = ("\u00a0", "\u2003", "\u200b", "\ufeff", "\u2028", "\r", "\v", "\f", "\u3000", "\x1b", "\x7f", "\u0085")
_INSERTED = (
    *("''", '""', "'", '"', "\\", "\\\n", " ", "\n", ";", "&", "|", "(", ")", "{", "}", "<", ">", "$", "`", "#", "!"),
    *(
        "*",
        "?",
        "~",
        "=",
        "[",
        "]",
        "\t",
        "&&",
        "||",
        ";;",
        "$(",
        "${",
        "))",
        "((",
        "[[",
        "]]",
        "<<",
        ">>",
        ">&",
        "<(",
        ">|",
    ),
    *(
        "\nt3\n",
        "; t4",
        "$(t5)",
        "`t6`",
        "| t7",
        "\\\\",
        "$'",
        '$"',
        ",",
        "-",
        "+=",
        "<<<",
        "EOF",
        "\r\n",
        " # ",
        "{ ",
        " }",
    ),
    *(
        "then",
        "do",
        "done",
        "in",
        "esac",
        "function ",
        "time ",
        "coproc ",
        "! ",
        "eval ",
        "\\\r",
        "\\ ",
        "@",
        "%",
        ":",
        "0",
        "é",
    ),
)
