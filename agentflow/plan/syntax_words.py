"""What Jinja2 says of a text that it cannot parse, in the words of the language, and the next move."""

_TOKENS = {
    "'end of print statement'": "`}}`",
    "'end of statement block'": "`%}`",
    "'end of template'": "end",
    "end of template": "end of the text",
}
_ENDS = "close what is open: a bracket, a quote, `{{` by `}}`, `{% if %}` by `{% endif %}`; or go on"
_HINTS = (
    ("looking for the following tags", "close `{% if %}` by `{% endif %}`, and `{% for %}` by `{% endfor %}`"),
    ("unexpected end", _ENDS),
    ("unexpected char '\"'", "close the quote"),
    ('unexpected char "\'"', "close the quote"),
    ("expected token `}}`", "join the parts by an operator, as `~` or `and`, and put texts in quotes"),
    ("expected an expression", "write what is read, as `steps.plan.output`"),
    ("unexpected '='", "compare by `==`"),
)
_ANY = "write names, texts in quotes and operators, as `steps.check.output.ok and inputs.depth > 2`"


def said(message: str | None) -> tuple[str, str]:
    """What is wrong, and a hint.

    Parameters:
        message: Jinja2's own.
    """
    sentence = (message or "it cannot be parsed").rstrip(".")
    for word, meaning in _TOKENS.items():
        sentence = sentence.replace(word, meaning)
    hint = next((hint for part, hint in _HINTS if part in sentence), _ANY)
    # What comes after the first sentence speaks of Jinja2's own workings.
    sentence = sentence.split(". ")[0]
    return sentence[:1].lower() + sentence[1:], hint
