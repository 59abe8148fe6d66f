"""Images and PDFs in base64: what the API refuses of them, and what they count.

Comes in: the `source` of a block. Goes out: the API's refusal, or nothing; and tokens by its documented formulas.
"""

import base64
import binascii
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import invalid

MAX_IMAGE_BASE64 = 5 << 20
MAX_SIDE = 8_000
MAX_SIDE_AMONG_MANY = 2_000
MANY = 20
MAX_PAGES = 600
IMAGE_TOKENS = 4_784
PAGE_TOKENS = 1_500 + 1_600
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def check_base64(place: str, kind: str, source: Mapping[str, Any]) -> None:
    """Refuse data that is no base64, no image of the type that it is said to be, no PDF, or too large."""
    at = f"{place}.{kind}.source.base64"
    try:
        data = base64.b64decode(source["data"], validate=True)
    except binascii.Error:
        raise invalid(f"{at}.data: Invalid base64 data") from None
    if kind == "image":
        _check_image(at, source, data)
    elif source["media_type"] != "application/pdf":
        raise invalid(f"{at}.media_type: Input should be 'application/pdf'")
    else:
        _check_pdf(at, data)


def media_tokens(messages: list[Mapping[str, Any]]) -> tuple[int, int]:
    """The tokens that images and documents in base64 count, and the bytes of base64 that they are instead of.

    Raises: the API's refusal of a large image among many.
    """
    tokens, size, sides = 0, 0, []
    for source in _sources(messages):
        data = base64.b64decode(source["data"])
        size += len(source["data"])
        if source["media_type"] == "application/pdf":
            tokens += PAGE_TOKENS * _pages(data)
            continue
        width, height = _size(data)
        sides.append(max(width, height))
        tokens += min(IMAGE_TOKENS, math.ceil(width / 28) * math.ceil(height / 28))
    if len(sides) > MANY and max(sides) > MAX_SIDE_AMONG_MANY:
        raise invalid(
            "messages: At least one of the image dimensions exceed max allowed size for many-image requests: "
            f"{MAX_SIDE_AMONG_MANY} pixels"
        )
    return tokens, size


def _check_image(at: str, source: Mapping[str, Any], data: bytes) -> None:
    from PIL import Image

    if len(source["data"]) > MAX_IMAGE_BASE64:
        raise invalid(f"{at}: image exceeds 5 MB maximum: {len(source['data'])} bytes > {MAX_IMAGE_BASE64} bytes")
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = _TYPES.get(str(image.format))
            if max(image.size) > MAX_SIDE:
                raise invalid(
                    f"{at}.data: At least one of the image dimensions exceed max allowed size: {MAX_SIDE} pixels"
                )
            image.load()
    except (OSError, SyntaxError, ValueError):
        raise invalid("Could not process image") from None
    if found != source["media_type"]:
        raise invalid(
            f"{at}: The image was specified using the {source['media_type']} media type, but the image appears to be "
            f"a {found} image"
        )


def _check_pdf(at: str, data: bytes) -> None:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data), strict=True)
        valid = not reader.is_encrypted and len(reader.pages) > 0
    except PyPdfError:
        valid = False
    if not valid:
        raise invalid(f"{at}.data: The PDF specified was not valid.")
    if len(reader.pages) > MAX_PAGES:
        raise invalid(f"{at}.data: A maximum of {MAX_PAGES} PDF pages may be provided.")


def _sources(value: Any) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else ():
        if item.get("type") in ("image", "document") and item["source"].get("type") == "base64":
            yield item["source"]
        else:
            yield from _sources(item.get("content"))


def _size(data: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return image.size


def _pages(data: bytes) -> int:
    from pypdf import PdfReader

    return len(PdfReader(io.BytesIO(data)).pages)
