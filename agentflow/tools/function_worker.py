"""The process in which one Python function of the author's is called; nothing of agentflow is imported in it.

It is handed a request on its standard input and gives one line of JSON on what was its standard output. What the
function prints, by whatever way, goes to standard error; its own standard input is empty. Run as
`python -I -B -X utf8 function_worker.py`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import json
import math
import os
import sys
from types import ModuleType, TracebackType

# Importing `typing`, or `importlib.abc`, would take longer than everything else that is done before the call.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEPEST = 100
_LONGEST = 2_000
_LARGEST_BITS = 1_024


class NotJsonError(Exception):
    """A value that JSON has no word for."""


class _Stored(importlib.machinery.SourceFileLoader):
    """Gives the text that was stored of a module, whatever its file holds by now."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: Any) -> bytes:
        """The stored text."""
        return self._text.encode()

    def path_stats(self, path: Any) -> Any:
        """Nothing: no bytecode of the file may stand in for the stored text."""
        raise OSError


class _Finder:
    """Finds that one module before anybody else does."""

    def __init__(self, name: str, path: str, text: str) -> None:
        self._spec = importlib.machinery.ModuleSpec(name, _Stored(name, path, text), origin=path)
        self._spec.has_location = True

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        """The spec of that module; None for any other."""
        return self._spec if fullname == self._spec.name else None


def main() -> None:
    """Calls the function, and answers."""
    request = json.loads(sys.stdin.buffer.read())
    # The answer has a way of its own, which neither prints nor processes that the function starts can get into.
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    own = os.getpid()
    answer = _answer(request)
    if os.getpid() != own:  # a child that the function made by `fork`, and that came back from it too
        os._exit(0)
    _flush()
    _write(answers, json.dumps(answer).encode() + b"\n")
    os.close(answers)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = request["path"]
    text = request["text"]
    if "async" in text:
        # Before the author's folder is searched, where a file of that name may lie; else it would cost time in vain.
        import asyncio  # noqa: F401
    sys.path.insert(0, request["folder"])
    sys.meta_path.insert(0, _Finder(request["module"], path, text))
    try:
        module = importlib.import_module(request["module"])
        arguments = {
            name: made(value, request["makes"].get(name), module) for name, value in request["arguments"].items()
        }
        value = getattr(module, request["function"])(**arguments)
        return {"value": plain(_awaited(value) if hasattr(value, "__await__") else value)}
    except NotJsonError as error:
        return {"kind": "not_json", "message": str(error)}
    except BaseException as error:  # `sys.exit` and the like end the function, not the answer
        return {"kind": "raised", **_told(error, path, text)}


def _awaited(value: Any) -> Any:
    """What an async function gives."""
    import asyncio

    async def awaited() -> Any:
        return await value

    return asyncio.run(awaited())


def made(value: Any, maker: Any, module: ModuleType) -> Any:
    """A JSON value as what the function's type hint says: a tuple, a dataclass or a member of an enumeration.

    Parameters:
        maker: what to make, as `plan/type_hints.py` has it; None: the value is right as it is.
        module: where the classes are.
    """
    if maker is None or not _fits(value, maker):
        return value
    if "any" in maker:
        return next((made(value, each, module) for each in maker["any"] if _fits(value, each)), value)
    if "enum" in maker:
        return getattr(module, maker["enum"])(value)
    if "items" in maker:
        return [made(item, maker["items"], module) for item in value]
    if "values" in maker:
        return {name: made(item, maker["values"], module) for name, item in value.items()}
    if "tuple" in maker:
        each = maker["tuple"]
        makers = each if isinstance(each, list) else [each] * len(value)
        return tuple(made(item, of, module) for item, of in zip(value, makers, strict=True))
    fields = {name: made(item, maker["fields"].get(name), module) for name, item in value.items()}
    return getattr(module, maker["data"])(**fields) if "data" in maker else fields


def _fits(value: Any, maker: Any) -> bool:
    """Whether a value is of the kind that a maker takes."""
    if "any" in maker:
        return any(_fits(value, each) for each in maker["any"])
    if "enum" in maker:
        return value is not None and not isinstance(value, dict | list)
    return isinstance(value, list if maker.keys() & {"items", "tuple"} else dict)


def plain(value: Any) -> Any:
    """A value as JSON data: mappings of texts, lists and tuples, texts, finite numbers, true, false and None.

    Raises:
        NotJsonError: there is something else in it.
    """
    return _plain(value, "the return value", 0)


def _plain(value: Any, name: str, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        if value.bit_length() > _LARGEST_BITS:
            raise NotJsonError(f"{name} is a whole number of hundreds of digits, which few readers of JSON take")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotJsonError(f"{name} is {value!r}, a number that JSON does not have")
        return float(value)
    if depth >= _DEEPEST:
        raise NotJsonError(f"the return value is nested more than {_DEEPEST} levels deep, or holds itself")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise NotJsonError(f"{name} has the key {_shown(key)}, and the keys of JSON are texts")
        return {str.__str__(key): _plain(item, f"{name}[{key[:40]!r}]"[:200], depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{name}[{index}]"[:200], depth + 1) for index, item in enumerate(value)]
    raise NotJsonError(f"{name} is of the type {_name_of(type(value))}, which JSON does not have")


def _told(error: BaseException, path: str, text: str) -> dict[str, Any]:
    """An exception: its type, its message, and the last line of the author's module that it went through."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == path else None
    line = line or _line_in(error.__traceback__, path)
    lines = text.splitlines()
    source = lines[line - 1].strip() if line is not None and line <= len(lines) else ""
    return {"type": _name_of(type(error)), "message": _message(error), "line": line, "source": source[:200]}


def _line_in(traceback: TracebackType | None, path: str) -> int | None:
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except Exception as another:
        return f"(its message cannot be had: {_name_of(type(another))})"


def _shown(value: object) -> str:
    try:
        return repr(value)[:80]
    except Exception:
        return f"of the type {_name_of(type(value))}"


def _name_of(kind: type) -> str:
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # The function closed or replaced it: then there is nothing of it left to show.
            continue


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    main()
