"""Looks at one image or PDF, in a process of its own: what hurts a decoder ends this process and nothing else.

In: on standard input the file; as arguments `image` or `pdf` and a JSON object of bounds (and pages). Out: one line of
JSON on standard output. Run by path with `python -I`; it imports nothing of agentflow.
"""

import base64
import io
import json
import sys
from typing import Any

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20


def main() -> None:
    """Answers what was asked."""
    kind, given = sys.argv[1], json.loads(sys.argv[2])
    data = sys.stdin.buffer.read()
    answer: dict[str, Any]
    try:
        _bound()
        answer = _image(data, given) if kind == "image" else _pdf(data, given)
    except MemoryError:
        answer = {"refused": "decoding it takes too much memory"}
    # The decoders let many kinds of errors through, of their own and of what they build on.
    except Exception as error:
        # Pillow names the object that it read from, with its address, which tells nobody anything.
        said = str(error).replace(" <_io.BytesIO object", "").split(" at 0x")[0]
        answer = {"damaged": f"{type(error).__name__}: {said}"[:200]}
    sys.stdout.write(json.dumps(answer) + "\n")


def _bound() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the caller's bound on time holds there too
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def _image(data: bytes, given: dict[str, Any]) -> dict[str, Any]:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # ours is judged before anything is decoded, and in words of ours
    formats = ("PNG", "JPEG", "GIF", "WEBP")
    with Image.open(io.BytesIO(data), formats=formats) as image:
        image.verify()  # sums that decoding does not look at; the image is of no use afterwards
    with Image.open(io.BytesIO(data), formats=formats) as image:
        width, height = image.size
        if width * height > given["max_pixels"]:
            return {"refused": f"it has {width:,} × {height:,} pixels; {given['max_pixels']:,} in all are the most"}
        fits = max(width, height) <= given["max_side"]
        if not fits and image.format == "JPEG":
            image.draft("RGB", (given["max_side"], given["max_side"]))
        image.load()
        if fits and len(data) <= given["max_bytes"]:
            return {"width": width, "height": height}
        upright = ImageOps.exif_transpose(image) or image
        width, height = (width, height) if (upright.width > upright.height) == (width > height) else (height, width)
        small = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        small.thumbnail((given["max_side"], given["max_side"]))
    return {"from": [width, height], **_encoded(small, given["max_bytes"])}


def _encoded(image: Any, max_bytes: int) -> dict[str, Any]:
    """The image as PNG, or where that is too much as JPEG, smaller and smaller until it fits."""
    out = io.BytesIO()
    image.save(out, "PNG")
    media_type = "image/png"
    while out.tell() > max_bytes:
        out = io.BytesIO()
        if media_type == "image/jpeg":
            image.thumbnail((image.width * 2 // 3, image.height * 2 // 3))
        image.convert("RGB").save(out, "JPEG", quality=85)
        media_type = "image/jpeg"
    encoded = base64.b64encode(out.getvalue()).decode()
    return {"width": image.width, "height": image.height, "media_type": media_type, "data": encoded}


def _pdf(data: bytes, given: dict[str, Any]) -> dict[str, Any]:
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        return {"encrypted": True}
    total = len(reader.pages)
    first, last = given["pages"] or (1, total)
    if not 1 <= first <= last <= total or last - first >= given["max_pages"]:
        return {"total": total}
    texts = [len(_text(reader.pages[number - 1])) for number in range(first, last + 1)]
    answer = {"total": total, "first": first, "last": last, "text_bytes": texts}
    # A file that is whole by the strict reading goes as it is; a range, or a file that had to be mended, is written.
    if (first, last) == (1, total) and _is_sound(data):
        return answer
    writer = PdfWriter()
    for number in range(first, last + 1):
        writer.add_page(reader.pages[number - 1])
    out = io.BytesIO()
    writer.write(out)
    if out.tell() > given["max_bytes"]:
        return {**answer, "too_large": out.tell()}
    return {**answer, "data": base64.b64encode(out.getvalue()).decode()}


def _text(page: Any) -> bytes:
    try:
        return str(page.extract_text()).encode("utf-8", "replace")
    # As in `main`: what cannot be taken out as text can still be shown.
    except Exception:
        return b""


def _is_sound(data: bytes) -> bool:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        return len(PdfReader(io.BytesIO(data), strict=True).pages) > 0
    except PyPdfError:
        return False


if __name__ == "__main__":
    main()
