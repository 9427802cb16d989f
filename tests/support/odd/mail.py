"""Mail: too many parts, too deep, too long, with attachments that are bombs themselves."""

from __future__ import annotations

import base64

from tests.support.odd.archive import container, text_xml
from tests.support.odd.file import OddFile

_HEAD = b"From: a@b.example\nSubject: s\nMIME-Version: 1.0\n"


def _parts(size: int, name: str = "{}.txt") -> bytes:
    parts = [
        f'--b\nContent-Disposition: attachment; filename="{name.format(n)}"\n\nwords {n}\n'
        for n in range(size)
    ]
    return _HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + "".join(parts).encode()


def _nested(size: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(size))
    return _HEAD + head.encode() + b"\nwords\n"


def _forwarded(size: int) -> bytes:
    return _HEAD + b"Content-Type: message/rfc822\n\nSubject: t\n" * size + b"\nwords\n"


def _bombs(size: int) -> bytes:
    bomb = base64.encodebytes(container("docx", text_xml("docx", " " * (size << 20))))
    part = (
        b"--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        b'Content-Disposition: attachment; filename="a.docx"\n\n' + bomb
    )
    return _HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 5 + b"--b--\n"


def _messages(size: int) -> bytes:
    one = b"From a@b Thu Oct  2 08:41:00 2025\nFrom: a@b.example\nSubject: s%d\n\nwords %d\n\n"
    return b"".join(one % (n, n) for n in range(size))


def _parameters(size: int) -> bytes:
    many = "".join(f";\n name*{n}*=%41%42" for n in range(size))
    return _HEAD + f"Content-Type: text/plain{many}\n\nwords\n".encode()


FILES = (
    OddFile(name="parts.eml", make=_parts, size=10_000, quick=60),
    OddFile(name="same-names.eml", make=lambda n: _parts(n, "a.txt"), size=2000, quick=60),
    OddFile(
        name="climbing-names.eml", make=lambda n: _parts(n, "../" * 9 + "{}.txt"), size=50, quick=3
    ),
    OddFile(name="nested-parts.eml", make=_nested, size=3000, quick=150),
    OddFile(name="forwarded.eml", make=_forwarded, size=5000, quick=150),
    OddFile(name="bombs.eml", make=_bombs, size=60, quick=10),
    OddFile(
        name="long-header.eml",
        make=lambda n: _HEAD + b"X: " + b"a" * n + b"\n\nwords",
        size=20_000_000,
        quick=9000,
    ),
    OddFile(
        name="long-subject.eml",
        make=lambda n: b"Subject: " + b"=?utf-8?q?a?= " * n + b"\n\nwords",
        size=300_000,
        quick=100,
    ),
    OddFile(
        name="addresses.eml",
        make=lambda n: b"Subject: s\nTo: " + b"a <a@b.example>, " * n + b"\n\nwords",
        size=100_000,
        quick=50,
    ),
    OddFile(
        name="open-comments.eml",
        make=lambda n: b"To: " + b"(" * n + b"\nSubject: s\n\nwords",
        size=300_000,
        quick=500,
    ),
    OddFile(
        name="date.eml",
        make=lambda n: b"Date: " + b"1 " * n + b"\nSubject: s\n\nwords",
        size=300_000,
        quick=100,
    ),
    OddFile(
        name="many-headers.eml", make=lambda n: b"X: a\n" * n + b"\nwords", size=300_000, quick=100
    ),
    OddFile(name="parameters.eml", make=_parameters, size=10_000, quick=50),
    OddFile(
        name="base64.eml",
        make=lambda n: _HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"!a=" * n,
        size=500_000,
        quick=50,
    ),
    OddFile(name="messages.mbox", make=_messages, size=20_000, quick=50),
    OddFile(name="empty-messages.mbox", make=lambda n: b"From a\n" * n, size=500_000, quick=500),
)
"""Every file of this family."""
