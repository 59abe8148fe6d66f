"""Values of secrets in the system's keyring: the one door of `keyring`, which is optional (`agentflow[keyring]`).

They stand there under the service `agentflow` and the secret's name, as `agentflow secrets set` puts them. The library
is imported when a value is first looked for there: starting its backends takes a noticeable time.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from agentflow.errors import AgentflowError, UsageError

SERVICE = "agentflow"
_INSTALL = "install it with `pip install 'agentflow[keyring]'`"


def from_keyring(names: Iterable[str]) -> Mapping[str, str]:
    """The values of secrets that the keyring has; none where there is no keyring.

    Raises:
        AgentflowError: there is one, and it does not open.
    """
    wanted = list(names)
    if not wanted or find_spec("keyring") is None:
        return {}
    import keyring
    from keyring.errors import NoKeyringError

    found: dict[str, str] = {}
    for name in wanted:
        try:
            value = _asked(name, partial(keyring.get_password, SERVICE, name))
        except NoKeyringError:
            return {}
        if value:
            found[name] = value
    return found


def keep(name: str, value: str) -> None:
    """Puts a value into the keyring, in the place of the one that is there.

    Raises:
        UsageError: there is no keyring here.
        AgentflowError: it does not open, or does not take the value.
    """
    keyring = _keyring()
    _there(name, lambda: keyring.set_password(SERVICE, name, value))


def remove(name: str) -> None:
    """Takes a value out of the keyring.

    Raises:
        UsageError: there is none of that name, or no keyring.
        AgentflowError: it does not open.
    """
    keyring = _keyring()
    if _there(name, lambda: keyring.get_password(SERVICE, name)) is None:
        raise UsageError(f"the keyring holds no value of the secret `{name}`", "`agentflow secrets set` puts one there")
    _there(name, lambda: keyring.delete_password(SERVICE, name))


def _keyring() -> Any:
    if find_spec("keyring") is None:
        raise UsageError("keyrings need the library `keyring`", _INSTALL)
    import keyring

    return keyring


def _there(name: str, ask: Callable[[], Any]) -> Any:
    from keyring.errors import NoKeyringError

    try:
        return _asked(name, ask)
    except NoKeyringError:
        hint = "set an environment variable of this name, or pass `--secrets-file FILE`"
        raise UsageError("this machine has no keyring that could be used", hint) from None


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    """What the keyring answers. Raises AgentflowError, and lets NoKeyringError through."""
    from keyring.errors import KeyringError, NoKeyringError

    try:
        return ask()
    except NoKeyringError:
        raise
    except KeyringError as error:
        said = type(error).__name__
        raise AgentflowError(
            f"the keyring does not open for the secret `{name}` ({said})",
            f"unlock it, or set the environment variable {name}",
        ) from None
