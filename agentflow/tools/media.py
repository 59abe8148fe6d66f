"""Images and PDFs as a model is shown them: content blocks within the bounds of the Messages API.

The bounds are the API's (https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support), a side of
2,000 pixels among them, which holds for each image once a request has more than twenty. A block that the API refuses
would be refused in every later request of the conversation, so nothing is shown that has not been decoded here first.
"""

import base64
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

from agentflow.tools.command import Command, run_command
from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.port import JSON, ToolOutput

MAX_FILE_BYTES = 32 << 20
MAX_SIDE = 2_000
MAX_PIXELS = 64_000_000
MAX_BLOCK_BYTES = 3_900_000
"""Before base64 makes 5.2 million of it; the API takes 5 MiB of base64."""
MAX_PAGES = 20
MAX_TEXT_BYTES = 400_000
IMAGE_TOKENS = 4_784
"""What one image comes to at most, however large: it is scaled down to this many patches."""
PAGE_TEXT_TOKENS = 3_000
SECONDS = 30.0
_PATCH = 28
_ANSWER_BYTES = 8 << 20
_WORKER = str(Path(__file__).with_name("media_worker.py"))
_PAGES = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
_NAMES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}


def page_range(text: str) -> tuple[int, int]:
    """The first and the last of pages named as `3` or `1-5`.

    Raises:
        ToolError: it is named otherwise, or holds too many.
    """
    match = _PAGES.fullmatch(text.strip())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise ToolError(
            f"`pages` cannot be `{shortened(text)}`", "name one range of pages from 1 on, such as `3` or `1-5`"
        )
    if last - first >= MAX_PAGES:
        raise ToolError(
            f"`pages` names {last - first + 1:,} pages; {MAX_PAGES} are the most for one call",
            f"ask for `{first}-{first + MAX_PAGES - 1}` first, then for the next",
        )
    return first, last


async def shown(data: bytes, media_type: str, name: str, pages: str | None) -> ToolOutput:
    """A file as text that says what it is and the block that shows it.

    Raises:
        ToolError: it is damaged, or too much to be shown.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(
            f"`{shortened(name)}` is larger than {MAX_FILE_BYTES >> 20} MiB", "have it split or scaled down first"
        )
    if media_type == "application/pdf":
        return await _pdf(data, name, None if pages is None else page_range(pages))
    if pages is not None:
        raise ToolError(f"`{shortened(name)}` is an image and has no pages", "leave `pages` out")
    return await _image(data, media_type, name)


async def _image(data: bytes, media_type: str, name: str) -> ToolOutput:
    bounds = {"max_side": MAX_SIDE, "max_pixels": MAX_PIXELS, "max_bytes": MAX_BLOCK_BYTES}
    found = await _asked("image", data, bounds, f"{_NAMES[media_type]} image", name)
    if "refused" in found:
        raise ToolError(f"`{shortened(name)}` cannot be shown: {found['refused']}", "have it scaled down or cut first")
    width, height = found["width"], found["height"]
    text = f"`{shortened(name)}`: {_NAMES[media_type]} image, {width} × {height} pixels."
    if "from" in found:
        before, after = found["from"]
        text = (
            f"`{shortened(name)}`: {_NAMES[media_type]} image, {before} × {after} pixels, shown scaled down to "
            f"{width} × {height}: multiply coordinates by {before / width:.3g}."
        )
    source = _source(found.get("media_type", media_type), found.get("data") or base64.b64encode(data).decode())
    blocks: list[dict[str, JSON]] = [{"type": "text", "text": text}, {"type": "image", "source": source}]
    return ToolOutput(blocks, media_tokens=_image_tokens(width, height))


def _image_tokens(width: int, height: int) -> int:
    """By the API's count of patches, or by that of older models (pixels by 750), whichever is more."""
    patches = math.ceil(width / _PATCH) * math.ceil(height / _PATCH)
    return min(IMAGE_TOKENS, max(patches, math.ceil(width * height / 750)))


async def _pdf(data: bytes, name: str, pages: tuple[int, int] | None) -> ToolOutput:
    bounds = {"pages": pages, "max_pages": MAX_PAGES, "max_bytes": MAX_BLOCK_BYTES}
    found = await _asked("pdf", data, bounds, "PDF", name)
    about = f"`{shortened(name)}`"
    if "refused" in found:
        raise ToolError(f"{about} cannot be shown: {found['refused']}", "have its text taken out by a command")
    if "encrypted" in found:
        raise ToolError(f"{about} is an encrypted PDF", "have it decrypted first, or go on without it")
    total = found["total"]
    if not total:
        raise ToolError(f"{about} is a PDF without pages", "go on without it")
    if "first" not in found:
        raise _not_these(about, total, pages)
    first, last = found["first"], found["last"]
    count = last - first + 1
    size = found.get("too_large", 0 if "data" in found else len(data))
    if size > MAX_BLOCK_BYTES or sum(found["text_bytes"]) > MAX_TEXT_BYTES:
        raise _too_much(about, first, last)
    said = f"{about}: PDF, {total:,} page{'s' if total > 1 else ''}"
    if count < total:
        said += f"; here are {first} to {last}" if count > 1 else f"; here is {first}"
    source = _source("application/pdf", found.get("data") or base64.b64encode(data).decode())
    blocks: list[dict[str, JSON]] = [{"type": "text", "text": f"{said}."}, {"type": "document", "source": source}]
    tokens = sum(IMAGE_TOKENS + max(PAGE_TEXT_TOKENS, text) for text in found["text_bytes"])
    return ToolOutput(blocks, media_tokens=tokens)


def _not_these(about: str, total: int, pages: tuple[int, int] | None) -> ToolError:
    if pages is None:
        return ToolError(
            f"{about} has {total:,} pages; {MAX_PAGES} are the most for one call",
            f'say which, up to {MAX_PAGES} at a time: `pages: "1-{MAX_PAGES}"`',
        )
    return ToolError(f"{about} has {total:,} pages; there is no {pages[1]:,}", f"ask for pages from 1 to {total:,}")


def _too_much(about: str, first: int, last: int) -> ToolError:
    if first == last:
        return ToolError(f"page {first} of {about} is too much to be shown", "have its text taken out by a command")
    half = first + (last - first) // 2
    which = f"pages {first} to {last} of {about} are too much to be shown at once"
    return ToolError(which, f'ask for fewer: `pages: "{first}-{half}"`')


def _source(media_type: str, data: str) -> dict[str, JSON]:
    return {"type": "base64", "media_type": media_type, "data": data}


async def _asked(kind: str, data: bytes, given: dict[str, JSON], what: str, name: str) -> dict[str, Any]:
    """What the worker says of a file.

    Raises:
        ToolError: the file is damaged, or took too long.
    """
    command = Command(
        argv=(sys.executable, "-I", "-B", "-X", "utf8", _WORKER, kind, json.dumps(given)),
        stdin=data,
        env={},
        cwd=Path("/"),
        timeout=SECONDS,
        output_limit=_ANSWER_BYTES,
    )
    result = await run_command(command)
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        # Its time or its memory was used up within a decoder, which ended the process.
        answer = {"damaged": "it took too long or too much memory to look at"}
    if "damaged" in answer:
        raise ToolError(
            f"`{shortened(name)}` begins as a {what} does, but cannot be decoded: {shortened(answer['damaged'])}",
            "it may be cut off or damaged: have it made again, or go on without it",
        )
    found: dict[str, Any] = answer
    return found
