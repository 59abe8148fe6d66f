"""Images and PDFs, told by their bytes; and what only looks like one."""

import base64
import io
import re
import struct
import zlib

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter

from agentflow.tools import media, media_worker
from agentflow.tools.files import read
from agentflow.tools.toolbox import Toolbox
from tests.pictures import pdf, picture


def noise(width, height):
    import random

    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def png_that_claims(width, height):
    """A PNG of a few bytes that decodes to as many as it says, all alike."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def shown(output):
    """The kind, the media type and the bytes of what is shown, and what is said of it."""
    assert not output.is_error, output.content
    text, block = output.content
    source = block["source"]
    return block["type"], source["media_type"], base64.b64decode(source["data"]), text["text"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_an_image_is_shown_as_it_is_whatever_its_name(project, context_of, kind):
    data = picture(kind)
    (project / "picture.txt").write_bytes(data)
    output = await read({"file_path": "picture.txt"}, context_of())
    assert shown(output)[:3] == ("image", f"image/{kind.lower()}", data)
    assert "40 × 30 pixels" in shown(output)[3]
    assert output.media_tokens == 4


async def test_a_large_image_is_scaled_down_and_that_is_said(project, context_of):
    (project / "a").write_bytes(picture("PNG", (4000, 1000)))
    output = await read({"file_path": "a"}, context_of())
    kind, media_type, data, said = shown(output)
    assert (kind, media_type, Image.open(io.BytesIO(data)).size) == ("image", "image/png", (2000, 500))
    assert "4000 × 1000 pixels, shown scaled down to 2000 × 500: multiply coordinates by 2." in said
    assert output.media_tokens == 1_334


async def test_a_photo_lying_on_its_side_is_turned_before_it_is_scaled(project, context_of):
    exif = Image.Exif()
    exif[0x0112] = 6
    (project / "a").write_bytes(picture("JPEG", (3000, 1000), exif=exif))
    _, _, data, said = shown(await read({"file_path": "a"}, context_of()))
    assert Image.open(io.BytesIO(data)).size == (667, 2000)
    assert "1000 × 3000 pixels" in said


async def test_an_image_of_too_many_bytes_is_made_smaller_until_it_fits(project, context_of):
    noise(1900, 1900).save(project / "a.png")
    assert (project / "a.png").stat().st_size > media.MAX_BLOCK_BYTES
    _, media_type, data, _ = shown(await read({"file_path": "a.png"}, context_of()))
    assert media_type == "image/jpeg"
    assert len(data) <= media.MAX_BLOCK_BYTES


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGBA"])
async def test_images_of_every_depth_can_be_scaled(project, context_of, mode):
    Image.new(mode, (2500, 100)).save(project / "a.png")
    _, _, data, _ = shown(await read({"file_path": "a.png"}, context_of()))
    assert Image.open(io.BytesIO(data)).size == (2000, 80)


async def test_an_image_that_would_not_fit_the_memory_is_refused_before_it_is_decoded(project, context_of):
    (project / "bomb.png").write_bytes(png_that_claims(60_000, 60_000))
    output = await read({"file_path": "bomb.png"}, context_of())
    assert output.is_error
    assert "60,000 × 60,000 pixels" in output.content
    assert "scaled down" in output.content


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_cut_off_image_is_refused_and_never_shown(project, context_of, kind):
    buffer = io.BytesIO()
    noise(200, 200).save(buffer, kind)
    (project / "a").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    output = await read({"file_path": "a"}, context_of())
    assert output.is_error
    assert "cannot be decoded" in output.content
    assert "made again" in output.content


async def test_a_broken_image_is_told_the_same_way_each_time(project, context_of):
    (project / "a").write_bytes(b"\x89PNG\r\n\x1a\nxxxx")
    first, again = [(await read({"file_path": "a"}, context_of())).content for _ in range(2)]
    assert first == again
    assert "cannot identify image file" in first
    assert "0x" not in first


async def test_a_text_that_begins_like_an_image_is_no_image(project, context_of):
    (project / "a.png").write_text("PNG is a format\n")
    assert (await read({"file_path": "a.png"}, context_of())).content == "     1\tPNG is a format"


async def test_a_pdf_is_shown_as_it_is(project, context_of):
    data = pdf(3)
    (project / "a.bin").write_bytes(data)
    output = await read({"file_path": "a.bin"}, context_of())
    assert shown(output)[:3] == ("document", "application/pdf", data)
    assert shown(output)[3] == "`a.bin`: PDF, 3 pages."
    assert output.media_tokens == 3 * (4_784 + 3_000)


@pytest.mark.parametrize(("pages", "widths"), [("2", [101]), ("2-4", [101, 102, 103])])
async def test_of_a_pdf_the_pages_that_are_asked_for_are_shown(project, context_of, pages, widths):
    (project / "a.pdf").write_bytes(pdf(30))
    output = await read({"file_path": "a.pdf", "pages": pages}, context_of())
    _, _, data, said = shown(output)
    assert [page.mediabox.width for page in PdfReader(io.BytesIO(data)).pages] == widths
    assert "30 pages; here" in said
    assert output.media_tokens == len(widths) * 7_784


async def test_the_text_of_a_page_counts_where_it_is_long(project, context_of):
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    page = writer.add_blank_page(500, 500)
    content = DecodedStreamObject()
    content.set_data(b"BT /F 12 Tf 10 10 Td (" + b"word " * 4_000 + b") Tj ET")
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F"): fonts})}
    )
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(project / "a.pdf")
    output = await read({"file_path": "a.pdf"}, context_of())
    assert output.media_tokens >= 4_784 + 19_000


@pytest.mark.parametrize(
    ("made", "pages", "words"),
    [
        (pdf(21), None, ["21 pages; 20 are the most", '`pages: "1-20"`']),
        (pdf(3), "2-4", ["has 3 pages; there is no 4", "from 1 to 3"]),
        (pdf(30), "1-21", ["names 21 pages; 20 are the most", "ask for `1-20` first"]),
        (pdf(3), "0", ["`pages` cannot be `0`", "`1-5`"]),
        (pdf(3), "3-1", ["`pages` cannot be `3-1`"]),
        (pdf(3), "all", ["`pages` cannot be `all`"]),
        (pdf(2, password="x"), None, ["encrypted", "decrypted first"]),
        (b"%PDF-1.7\n" + b"\0" * 100, None, ["begins as a PDF does, but cannot be decoded", "made again"]),
        (picture(), "1", ["is an image and has no pages", "leave `pages` out"]),
        (b"text\n", "1", ["is text and has no pages", "`offset` and `limit`"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_shown_is_refused_with_a_next_move(project, context_of, made, pages, words):
    (project / "a").write_bytes(made)
    given = {"file_path": "a"} if pages is None else {"file_path": "a", "pages": pages}
    output = await read(given, context_of())
    assert output.is_error
    assert all(word in output.content for word in words), output.content
    assert "Traceback" not in output.content


async def test_a_pdf_that_had_to_be_mended_is_written_anew(project, context_of):
    data = pdf(2)
    (project / "a.pdf").write_bytes(re.sub(rb"startxref\s+\d+", b"startxref\n7", data))
    output = await read({"file_path": "a.pdf"}, context_of())
    assert len(PdfReader(io.BytesIO(shown(output)[2]), strict=True).pages) == 2


async def test_a_file_that_keeps_its_decoder_busy_is_given_up(project, context_of, monkeypatch):
    monkeypatch.setattr(media, "SECONDS", 0.01)
    (project / "a.png").write_bytes(picture())
    output = await read({"file_path": "a.png"}, context_of())
    assert output.is_error
    assert "too long" in output.content


async def test_more_than_a_conversation_can_hold_is_not_even_looked_at(project, context_of, monkeypatch):
    monkeypatch.setattr(media, "MAX_FILE_BYTES", 1 << 20)
    (project / "a.png").write_bytes(picture() + b"\0" * (1 << 20))
    output = await read({"file_path": "a.png"}, context_of())
    assert "larger than 1 MiB" in output.content


async def test_pages_of_too_many_bytes_are_asked_for_in_parts(project, context_of, monkeypatch):
    monkeypatch.setattr(media, "MAX_BLOCK_BYTES", 700)
    (project / "a.pdf").write_bytes(pdf(10))
    output = await read({"file_path": "a.pdf"}, context_of())
    assert 'ask for fewer: `pages: "1-5"`' in output.content
    monkeypatch.setattr(media, "MAX_BLOCK_BYTES", 100)
    one = await read({"file_path": "a.pdf", "pages": "3"}, context_of())
    assert "page 3 of `a.pdf` is too much" in one.content


def test_a_decoder_gets_so_much_memory_and_time():
    assert media_worker.MEMORY_BYTES <= 1 << 30
    assert media_worker.CPU_SECONDS < media.SECONDS


def pdf_of(*objects):
    """A PDF of raw objects, the first its catalogue."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return (
        out
        + head
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            len(objects) + 1,
            len(out),
        )
    )


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << >> >>"
ENDLESS = zlib.compress(b"\0" * (300 << 20))
BOMB = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(ENDLESS), ENDLESS)


@pytest.mark.parametrize(
    "data",
    [
        pdf_of(CATALOGUE, b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
        pdf_of(CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 99999999 >>", PAGE, b"<< >>"),
        pdf_of(CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, BOMB),
        pdf_of(CATALOGUE, b"[" * 5_000),
    ],
    ids=["a circle of pages", "pages that are not there", "a stream without end", "deep brackets"],
)
async def test_a_hostile_pdf_hurts_nobody(project, context_of, data):
    (project / "a.pdf").write_bytes(data)
    tools = Toolbox({})
    output = await tools.run("Read", {"file_path": "a.pdf"}, context_of())
    assert "fault of its own" not in str(output.content)[:500]
    if output.is_error:
        assert output.content.startswith("`a.pdf`")
        assert "\n" in output.content, "there is a next move"
    else:
        assert output.media_tokens >= 7_784
    (project / "b").write_text("x")
    assert (await tools.run("Read", {"file_path": "b"}, context_of())).content == "     1\tx"
