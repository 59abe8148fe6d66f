"""A keyring in a file, in the place of the system's: `PYTHON_KEYRING_BACKEND` names it, `KEYRING_FILE` its file."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class FileKeyring(KeyringBackend):
    """Keeps values in a file; a file that holds no JSON is one that does not open."""

    priority = 1

    def _values(self) -> dict[str, str]:
        path = Path(os.environ["KEYRING_FILE"])
        if not path.exists():
            return {}
        try:
            found: dict[str, str] = json.loads(path.read_text())
        except ValueError:
            raise KeyringLocked("locked") from None
        return found

    def get_password(self, service: str, username: str) -> str | None:
        return self._values().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps({**self._values(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        left = {name: value for name, value in self._values().items() if name != f"{service}/{username}"}
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(left))
