"""`python -m tests.messages_api --script FILE`: prints the base URL as the first line, then serves until a signal."""

import argparse
import asyncio
import runpy
import signal
from pathlib import Path
from typing import Any

from .script import read_script
from .server import MessagesAPI


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.messages_api", description=__doc__)
    parser.add_argument("--script", type=Path, required=True, help="YAML, JSON, or a Python file that defines `script`")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--log", type=Path, help="append one JSON line for each finished request")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before the first byte")
    parser.add_argument("--max-concurrent", type=int, help="answer 529 above this many requests at once")
    parser.add_argument("--chunk", type=int, default=24, help="characters of a delta")
    parser.add_argument("--min-cache-tokens", type=int, help="shortest cached prefix; default: the model's own")
    parser.add_argument("--no-bind-thinking", action="store_true", help="do not tie thinking blocks to their prompt")
    parser.add_argument("--no-record", action="store_true", help="write no log, whatever --log says")
    parser.add_argument("--hold", action="store_true", help="hold all replies until POST /_control/release")
    return parser.parse_args()


def load(path: Path) -> Any:
    """The script in `path`; a Python file defines it as `script`."""
    return runpy.run_path(str(path))["script"] if path.suffix == ".py" else read_script(path)


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    api = MessagesAPI(
        load(options.script),
        port=options.port,
        bind_thinking=not options.no_bind_thinking,
        min_cache_tokens=options.min_cache_tokens,
        latency=options.latency,
        max_concurrent=options.max_concurrent,
        chunk=options.chunk,
        record=False,
        log=options.log if not options.no_record else None,
    )
    if options.hold:
        api.hold()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    async with api:
        print(api.base_url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(_arguments()))
