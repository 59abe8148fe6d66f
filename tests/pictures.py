"""Images and PDFs made on the spot, and the blocks of the Messages API that show them."""

import base64
import io
from typing import Any

from PIL import Image
from pypdf import PdfWriter


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    """A red image."""
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **more)
    return out.getvalue()


def pdf(pages: int = 1, password: str | None = None) -> bytes:
    """Blank pages, the first 100 points wide and each one more than the last."""
    writer = PdfWriter()
    for number in range(pages):
        writer.add_blank_page(width=100 + number, height=100)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image(data: str, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def document(data: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}
