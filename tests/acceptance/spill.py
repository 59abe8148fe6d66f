"""A program that gives its secrets away in every way that programs have, and the ways themselves.

As a script it prints each variable whose name begins with `SECRET_` in each way, on both outputs; with `often` many
times, with `slowly` in pieces too.
"""

import base64
import html
import json
import os
import quopri
import shlex
import sys
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def wrapped(value: str) -> str:
    text = base64.b64encode(b"x" * 50 + value.encode() + b"y" * 50).decode()
    return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))


def dumped(value: str) -> str:
    """As `xxd` and `hexdump -C` print it."""
    data, rows = b"Bearer " + value.encode() + b"\n", []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        rows.append(f"{at:08x}  {' '.join(f'{byte:02x}' for byte in row):<47}  |{letters}|")
    return "\n".join(rows)


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in JSON": json.dumps,
    "in JSON with its letters": lambda value: json.dumps(value, ensure_ascii=False),
    "in JSON in JSON": lambda value: json.dumps(json.dumps(value)),
    "in an address": lambda value: quote(value, safe=""),
    "in a form": quote_plus,
    "in HTML": html.escape,
    "in HTML by numbers": lambda value: "".join(f"&#{ord(one)};" for one in value),
    "quoted for a shell": shlex.quote,
    "as Python shows it": repr,
    "as Python shows its bytes": lambda value: repr(value.encode()),
    "in hexadecimal": lambda value: value.encode().hex(),
    "in hexadecimal with colons": lambda value: value.encode().hex(":").upper(),
    "escaped byte by byte": lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode()),
    "escaped in octal": lambda value: "".join(f"\\{byte:03o}" for byte in value.encode()),
    "as numbers": lambda value: json.dumps(list(value.encode())),
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64 behind a letter": lambda value: base64.b64encode(f"u{value}".encode()).decode(),
    "in base64 as a password": lambda value: base64.b64encode(f"me:{value}:".encode()).decode(),
    "in base64 for addresses": lambda value: base64.urlsafe_b64encode(f"k{value}".encode()).decode(),
    "in base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
    "in base64, wrapped": wrapped,
    "in quoted-printable": lambda value: quopri.encodestring(b"x" * 60 + value.encode()).decode(),
    "backwards": lambda value: value[::-1],
    "in a dump": dumped,
    "coloured": lambda value: f"{value[:5]}\x1b[01;31m\x1b[K{value[5:9]}\x1b[m\x1b[K{value[9:]}",
}


def main() -> None:
    values = [value for name, value in os.environ.items() if name.startswith("SECRET_")]
    for value in values * (8 if "often" in sys.argv else 1):
        for way, write in WAYS.items():
            print(f"{way}: {write(value)}")
            print(f"{way}: {write(value)}", file=sys.stderr)
    for value in values if "slowly" in sys.argv else ():
        for piece in value.splitlines():
            print("now ", end="", flush=True)
            for at in range(0, len(piece), 5):
                print(piece[at : at + 5], end="", flush=True)
                time.sleep(0.002)
            print(" over", flush=True)


if __name__ == "__main__":
    main()
