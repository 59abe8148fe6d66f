"""Text that looks like other text: characters that nobody sees, and letters that stand in for others. Pure."""

import unicodedata
from collections.abc import Mapping

_IGNORED = frozenset({"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"})
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT = frozenset("\n\t")

_LOOKS: Mapping[int, int] = str.maketrans(
    # Cyrillic and Greek letters that common typefaces draw as Latin ones: the pairs of Unicode's confusables.txt
    # (UTS 39) that are whole letters of everyday alphabets.
    "аеорсухіјѕԁһԛԝѵӏАВЕКМНОРСТУХІЈЅԌԚԜαορνυικτΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡօսոһ",
    "aeopcyxijsdhqwvlABEKMHOPCTYXIJSGQWaopvuiktABEZHIKMNOPTYXigounh",
)


def is_hidden(character: str) -> bool:
    """Whether a character shows nothing of itself, or moves what stands around it: control and format characters, bidi
    marks, tags, variation selectors, half surrogates. Line ends and tabs are layout, and are not."""
    if character in _LAYOUT:
        return False
    return (
        unicodedata.category(character) in _HIDDEN_CATEGORIES
        or character in _IGNORED
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0000" <= character <= "\U000e0fff"
    )


def has_hidden(text: str) -> bool:
    """Whether any character of a text is hidden."""
    if text.isascii():
        return not text.isprintable() and any(is_hidden(character) for character in set(text))
    return any(is_hidden(character) for character in set(text))


def plain_form(text: str) -> str:
    """What a text looks like: compatibility forms folded (NFKC), hidden characters out, foreign letters as the Latin
    ones they are drawn like. Two texts that a person cannot tell apart have the same."""
    if text.isascii() and text.isprintable():
        return text
    folded = unicodedata.normalize("NFKC", text)
    return "".join(character for character in folded if not is_hidden(character)).translate(_LOOKS)


def shown(text: str) -> str:
    """A text whose hidden characters can be seen: each as `⟦U+200B⟧`."""
    if not has_hidden(text):
        return text
    return "".join(f"⟦U+{ord(character):04X}⟧" if is_hidden(character) else character for character in text)


def strangers(text: str) -> list[str]:
    """The letters of a text that look like others, each as `а (CYRILLIC SMALL LETTER A)`; only where Latin letters
    stand beside them, since a text that is all in one script pretends nothing."""
    if text.isascii() or not any("a" <= letter.lower() <= "z" for letter in text):
        return []
    found = dict.fromkeys(letter for letter in text if ord(letter) in _LOOKS)
    return [f"{letter} ({unicodedata.name(letter, f'U+{ord(letter):04X}')})" for letter in found]
