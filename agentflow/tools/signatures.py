"""What a file is, told by its first bytes and never by its name."""

from collections.abc import Mapping

from msgspec import Struct

PROBE_BYTES = 8 << 10
UTF_8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS: Mapping[bytes, str] = {
    # The longer ones first: UTF-32's begins with UTF-16's.
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_IMAGES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_SHELL = "use a command that knows it, if you may run commands"
_CONVERT = "have it converted to PNG or JPEG first"
_UNPACK = "have it unpacked first, and read the files in it"
_BINARY: Mapping[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("a ZIP archive, or a document packed as one (docx, xlsx, odt, jar)", _UNPACK),
    b"PK\x05\x06": ("an empty ZIP archive", "there is nothing in it"),
    b"\x1f\x8b": ("gzip data", _UNPACK),
    b"BZh": ("bzip2 data", _UNPACK),
    b"\xfd7zXZ\x00": ("xz data", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("Zstandard data", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\x7fELF": ("a program or library (ELF)", _SHELL),
    b"MZ": ("a Windows program", _SHELL),
    b"\xca\xfe\xba\xbe": ("a Java class or a macOS program", _SHELL),
    b"\xcf\xfa\xed\xfe": ("a macOS program", _SHELL),
    b"\x00asm": ("WebAssembly", _SHELL),
    b"SQLite format 3\x00": ("a SQLite database", "ask it with the command `sqlite3`, if you may run commands"),
    b"BM": ("a bitmap image (BMP)", _CONVERT),
    b"II*\x00": ("a TIFF image", _CONVERT),
    b"MM\x00*": ("a TIFF image", _CONVERT),
    b"\x00\x00\x01\x00": ("an icon (ICO)", _CONVERT),
    b"8BPS": ("a Photoshop image", _CONVERT),
    b"\xd0\xcf\x11\xe0": ("an old Office document", "have it converted to PDF or text first"),
    b"OggS": ("Ogg audio or video", _SHELL),
    b"ID3": ("MP3 audio", _SHELL),
    b"fLaC": ("FLAC audio", _SHELL),
    b"\x1aE\xdf\xa3": ("Matroska or WebM video", _SHELL),
    b"PAR1": ("a Parquet table", _SHELL),
}


class Kind(Struct, frozen=True):
    """What a file is.

    Attributes:
        media_type: of an image or a PDF, which a model can be shown as it is; else empty.
        encoding: of text; empty for what is no text.
        name: what it is, in words; of what is neither.
        advice: what can be done with that.
    """

    media_type: str = ""
    encoding: str = ""
    name: str = ""
    advice: str = ""


_TEXT = Kind(encoding="utf-8")
_MARKED = frozenset(mark[0] for mark in (*_IMAGES, *_WIDE_MARKS, b"RIFF", b"%PDF-"))


def kind_of(probe: bytes) -> Kind:
    """What a file is that begins with `probe`, its first `PROBE_BYTES` or all of it."""
    if (not probe or probe[0] not in _MARKED) and b"\0" not in probe:
        return _TEXT
    for mark, media_type in _IMAGES.items():
        if probe.startswith(mark):
            return Kind(media_type=media_type)
    if probe[:4] == b"RIFF" and probe[8:12] == b"WEBP":
        return Kind(media_type="image/webp")
    if probe.startswith(b"%PDF-"):
        return Kind(media_type="application/pdf")
    for mark, encoding in _WIDE_MARKS.items():
        if probe.startswith(mark):
            return Kind(encoding=encoding)
    if b"\0" not in probe:
        return _TEXT
    for mark, (name, advice) in _BINARY.items():
        if probe.startswith(mark):
            return Kind(name=name, advice=advice)
    if probe[:4] == b"RIFF":
        return Kind(name="audio or video (RIFF)", advice=_SHELL)
    if probe[4:8] == b"ftyp":
        return Kind(name="video, audio or an image of a kind that cannot be shown (MP4, HEIC, AVIF)", advice=_CONVERT)
    if probe[257:262] == b"ustar":
        return Kind(name="a tar archive", advice=_UNPACK)
    return Kind(name="a binary file of unknown kind", advice=_SHELL)
