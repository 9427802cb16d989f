"""Office Open XML (.docx, .pptx, .xlsx): decrypted if need be, checked, opened."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.parse.archive import check_archive, open_archive, read_member
from ragkit_ingest.parse.builder import fold_space
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.file import check_plain, read_bytes
from ragkit_ingest.parse.moment import iso_from_xml
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.tree import local_name, parse_xml
from ragkit_ingest.records import MetadataValue

OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CONTENT_TYPES = "[Content_Types].xml"
_KEY_BLOCK = bytes.fromhex("146e0be7abacd0d6")
_MAX_ROUNDS = 10_000_000
_FIELDS = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "category": "category",
    "created": "created",
    "modified": "modified",
}
# What Excel encrypts with when a workbook is protected but opens without asking.
_UNASKED = "VelvetSweatshop"


def open_package(source: Source) -> BinaryIO:
    """Return an Office Open XML file, decrypted and checked, to be closed by the caller.

    Raises:
        BrokenFileError: If it is damaged or of another format.
        PasswordError: If it is encrypted and no password opens it.
        ParserLimitError: If it would unpack to too much.
        MissingReaderError: If it is encrypted and the extra `office` is not installed.
    """
    check_plain(source.path)
    file: BinaryIO = source.path.open("rb")
    try:
        if file.read(len(OLE_MARK)) == OLE_MARK:
            file.close()
            file = io.BytesIO(_decrypted_package(source))
        file.seek(0)
        check_archive(file, CONTENT_TYPES)
    except BaseException:
        file.close()
        raise
    return file


def decrypted(source: Source, data: bytes) -> bytes:
    """Return an old or a new office file's bytes without their encryption.

    Args:
        source: Says the passwords to try.
        data: The whole file, encrypted.

    Raises:
        BrokenFileError: If it is damaged or encrypted in an unknown way.
        PasswordError: If no password opens it.
        MissingReaderError: If the extra `office` is not installed.
    """
    msoffcrypto = load("msoffcrypto", "encrypted office files")
    for password in (_UNASKED, *source.passwords):
        try:
            opened = _unlocked(msoffcrypto.OfficeFile(io.BytesIO(data)), password)
        except (msoffcrypto.exceptions.InvalidKeyError, UnicodeError):
            continue
        except (
            msoffcrypto.exceptions.FileFormatError, msoffcrypto.exceptions.ParseError,
            msoffcrypto.exceptions.DecryptionError, NotImplementedError, OSError, ValueError,
            TypeError, KeyError, IndexError, AttributeError, AssertionError, struct.error,
        ) as exc:  # fmt: skip
            raise BrokenFileError(f"the file's encryption cannot be read: {exc}") from exc
        if opened.startswith((b"PK", OLE_MARK)):
            return opened
    given = len(source.passwords)
    raise PasswordError(
        f"the file is encrypted and none of the {given} passwords given opens it"
        if given
        else "the file is encrypted; give its password to read it"
    )


def _unlocked(office: Any, password: str) -> bytes:
    if getattr(office, "type", "") == "agile":
        office.load_key(secret_key=_agile_key(office.info, password))
    else:
        office.load_key(password=password, verify_password=True)
    output = io.BytesIO()
    office.decrypt(output)
    return output.getvalue()


def _agile_key(info: Mapping[str, Any], password: str) -> bytes:
    """Return the key of a package, which a wrong password makes a wrong one.

    The library takes hashes shorter than the key, or than two cipher blocks, for errors.

    Source:
        [MS-OFFCRYPTO] 2.3.4.11 and 2.3.4.13.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    rounds = int(info["spinValue"])
    if rounds > _MAX_ROUNDS:
        raise ValueError(f"it takes {rounds} rounds to open")
    name = str(info["passwordHashAlgorithm"]).replace("-", "").lower()
    digest = hashlib.new(name, info["passwordSalt"] + password.encode("utf-16-le")).digest()
    for number in range(rounds):
        digest = hashlib.new(name, struct.pack("<I", number) + digest).digest()
    derived = hashlib.new(name, digest + _KEY_BLOCK).digest()
    size = int(info["passwordKeyBits"]) // 8
    cipher = Cipher(
        algorithms.AES(derived.ljust(size, b"\x36")[:size]), modes.CBC(info["passwordSalt"])
    )
    decryptor = cipher.decryptor()
    return decryptor.update(info["encryptedKeyValue"])[:size] + decryptor.finalize()


def core_properties(file: BinaryIO) -> dict[str, MetadataValue]:
    """Return title, author, subject, keywords, category and dates as the file states them."""
    metadata: dict[str, MetadataValue] = {}
    with open_archive(file) as archive:
        if "docProps/core.xml" not in archive.namelist():
            return metadata
        try:
            root = parse_xml(read_member(archive, "docProps/core.xml"))
        except BrokenFileError:
            return metadata
    for element in root:
        key = _FIELDS.get(local_name(element))
        value = fold_space("".join(element.itertext()))
        if key and value and value != "openpyxl":
            metadata[key] = iso_from_xml(value) if key in {"created", "modified"} else value
    return {key: value for key, value in metadata.items() if value}


def _decrypted_package(source: Source) -> bytes:
    data = read_bytes(source.path)
    if "EncryptedPackage".encode("utf-16-le") not in data:
        raise BrokenFileError("this is an old binary office file; save it in the newer format")
    return decrypted(source, data)
