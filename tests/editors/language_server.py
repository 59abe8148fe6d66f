"""A client of yaml-language-server, the server behind YAML in editors, over its standard streams."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.house.checkout import PATIENCE

HERE = Path(__file__).parent
SERVER = HERE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


class LanguageServer:
    """One running server. It tells the problems of a document by itself, once after it was opened."""

    def __init__(self, node: str, schemas: Mapping[str, str]):
        """Starts the server.

        Args:
            node: the Node.js executable.
            schemas: file patterns by the URL of the schema that holds for them.
        """
        self._process = subprocess.Popen(
            [node, str(SERVER), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )
        self._settings = {
            "yaml": {
                "validate": True,
                "hover": True,
                "completion": True,
                "format": {"enable": False},
                "schemaStore": {"enable": False},
                "schemas": dict(schemas),
            }
        }
        self._told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._next_id = 0
        self._documents = 0
        threading.Thread(target=self._listen, daemon=True).start()
        capabilities = {
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
            "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
        }
        self.request("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities})
        self._notify("initialized", {})
        self._notify("workspace/didChangeConfiguration", {"settings": self._settings})
        if schemas:
            self._await_schemas()

    def close(self) -> None:
        """Ends the server as the protocol says, and its process in any case."""
        try:
            self.request("shutdown", None)
            self._notify("exit", None)
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()

    def problems(self, text: str, path: Path | None = None) -> list[str]:
        """The messages that the server has about a document, each once, in its order.

        Args:
            text: what the document holds.
            path: where it lies; every document of a server needs a path of its own. None: nowhere.
        """
        with self._opened(text, path) as uri:
            return self._told_of(uri)

    def completions(self, text: str, kind: str = "workflow") -> dict[str, dict[str, Any]]:
        """What the server offers at the `|` of a document of a kind, by label."""
        answer = self._ask_at("textDocument/completion", text, kind)
        return {item["label"]: item for item in answer["items"]}

    def hover(self, text: str, kind: str = "workflow") -> str:
        """What the server shows of the word after the `|` of a document of a kind; '' where it shows nothing."""
        answer = self._ask_at("textDocument/hover", text, kind)
        return "" if answer is None else str(answer["contents"]["value"])

    def request(self, method: str, params: Any) -> Any:
        """Sends a request and returns its result.

        Raises:
            AssertionError: the server answered with an error, or not in time.
        """
        self._next_id += 1
        self._send({"id": self._next_id, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == self._next_id and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def _ask_at(self, method: str, text: str, kind: str) -> Any:
        before, _, after = text.partition("|")
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        with self._opened(before + after, kind=kind) as uri:
            return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    @contextmanager
    def _opened(self, text: str, path: Path | None = None, kind: str = "workflow") -> Iterator[str]:
        # A path of its own for each: what the server tells of a document does not say of which version it is.
        self._documents += 1
        uri = (path or Path(f"/project/{self._documents}.{kind}.yaml")).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._notify("textDocument/didOpen", {"textDocument": document})
        yield uri
        self._notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _told_of(self, uri: str) -> list[str]:
        while True:
            message = self._next()
            told = message.get("params") or {}
            if message.get("method") == "textDocument/publishDiagnostics" and told["uri"] == uri:
                return list(dict.fromkeys(problem["message"] for problem in told["diagnostics"]))

    def _await_schemas(self) -> None:
        """Waits until the server has taken in its settings: only then is a list no workflow to it."""
        with self._opened("- 1\n") as uri:
            while not self._told_of(uri):
                continue

    def _notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        """The next message of the server; what it asks of an editor is answered here."""
        while True:
            message = self._told.get(timeout=PATIENCE)
            assert message is not None, "the language server has ended"
            if message.get("method") == "workspace/configuration":
                asked = [item.get("section") for item in message["params"]["items"]]
                self._send({"id": message["id"], "result": [self._settings.get(section) for section in asked]})
            elif "method" in message and "id" in message:
                self._send({"id": message["id"], "result": None})
            else:
                return message

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while head := stream.readline():
            length = int(head.split(b":")[1])
            while stream.readline().strip():
                continue
            self._told.put(json.loads(stream.read(length)))
        self._told.put(None)
