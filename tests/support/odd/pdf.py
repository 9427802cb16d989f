"""PDF files: trees too deep, loops, streams that unpack to far too much, tables that lie."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from tests.support.odd.file import OddFile

_TEXT = b"BT /F1 12 Tf 72 700 Td (words) Tj ET"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def stream(data: bytes, facts: str = "") -> bytes:
    """Return a stream object's content."""
    return f"<< /Length {len(data)} {facts} >>".encode() + b"\nstream\n" + data + b"\nendstream"


def pdf(objects: Sequence[bytes], trailer: str = "") -> bytes:
    """Return a file whose first object is the catalog, the second the page tree."""
    parts, position, table = [b"%PDF-1.7\n"], 9, []
    for number, content in enumerate(objects, start=1):
        table.append(position)
        part = b"%d 0 obj\n%s\nendobj\n" % (number, content)
        parts.append(part)
        position += len(part)
    rows = b"".join(b"%010d 00000 n \n" % at for at in table)
    size = len(objects) + 1
    parts.append(
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R %s >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, rows, size, trailer.encode(), position)
    )
    return b"".join(parts)


def page(contents: bytes, facts: str = "", *more: bytes) -> bytes:
    """Return a file of one page; `contents` is object 5, `more` come after it."""
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
            b" /Resources << /Font << /F1 4 0 R >> " + facts.encode() + b" >> >>",
            _FONT,
            contents,
            *more,
        ]
    )


def _pages(size: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(size))
    one = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 3 0 R >> >> >>"
    )
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % size,
            _FONT,
            stream(_TEXT),
            *[one] * size,
        ]
    )


def _deep_tree(size: int) -> bytes:
    nodes = [b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 3) for number in range(size)]
    leaf = b"<< /Type /Page /MediaBox [0 0 612 792] /Contents %d 0 R >>" % (size + 3)
    return pdf([b"<< /Type /Catalog /Pages 2 0 R >>", *nodes, leaf, stream(_TEXT)])


def _loop(kids: bytes) -> bytes:
    return pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 9 /Kids [" + kids + b"] >>"]
    )


def _blanks(size: int, rounds: int) -> bytes:
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(size)) + packer.flush()
    for _ in range(rounds - 1):
        data = zlib.compress(data, 9)
    filters = " ".join(["/FlateDecode"] * rounds)
    return page(stream(data, f"/Filter [{filters}]"))


def _operators(size: int) -> bytes:
    data = zlib.compress(b"BT /F1 12 Tf 1 0 0 1 72 700 Tm (word) Tj ET\n" * size, 9)
    return page(stream(data, "/Filter /FlateDecode"))


def _forms(size: int) -> bytes:
    """Return forms that each show the next one `size` times, ten deep."""
    forms = [
        stream(
            b"/X Do " * size if number < 9 else _TEXT,
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 4 0 R >> "
            f"/XObject << /X {number + 7} 0 R >> >>",
        )
        for number in range(10)
    ]
    return page(stream(b"/X Do"), "/XObject << /X 6 0 R >>", *forms)


def _form_loop(_: int) -> bytes:
    form = stream(
        b"/X Do /X Do",
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>",
    )
    return page(stream(b"/X Do"), "/XObject << /X 6 0 R >>", form)


def _map_range(size: int) -> bytes:
    """Return a font whose map to Unicode states one range of `size` codes."""
    ranges = b"".join(b"<%04X> <FFFF> <0041>\n" % number for number in range(size))
    cmap = b"begincmap %d beginbfrange\n%sendbfrange endcmap" % (size, ranges)
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /ToUnicode 7 0 R"
        b" /DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A >>] >>"
    )
    text = stream(b"BT /F2 12 Tf 72 700 Td <00410042> Tj ET")
    return page(text, "/Font << /F1 4 0 R /F2 6 0 R >>", font, stream(cmap))


def _previous_loop(_: int) -> bytes:
    data = page(stream(_TEXT))
    at = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % at)


def _filters(size: int) -> bytes:
    data = _TEXT
    for _ in range(size):
        data = data.hex().encode() + b">"
    return page(stream(data, f"/Filter [{'/ASCIIHexDecode ' * size}]"))


def _objects(size: int) -> bytes:
    return page(stream(_TEXT), "", *[b"<< /A [1 2 3] /B (text) >>"] * size)


FILES = (
    OddFile(name="pages.pdf", make=_pages, size=100_000, quick=300),
    OddFile(name="deep-tree.pdf", make=_deep_tree, size=50_000, quick=500),
    OddFile(name="own-child.pdf", make=lambda _: _loop(b"2 0 R")),
    OddFile(name="own-children.pdf", make=lambda n: _loop(b"2 0 R " * n), size=1000, quick=20),
    OddFile(name="no-children.pdf", make=lambda n: _loop(b"999 0 R " * n), size=100_000, quick=20),
    OddFile(name="blanks.pdf", make=lambda n: _blanks(n, 1), size=2000, quick=5),
    OddFile(name="blanks-twice.pdf", make=lambda n: _blanks(n, 2), size=2000, quick=5),
    OddFile(name="operators.pdf", make=_operators, size=3_000_000, quick=300),
    OddFile(name="forms.pdf", make=_forms, size=10, quick=2),
    OddFile(name="form-loop.pdf", make=_form_loop),
    OddFile(name="map-range.pdf", make=_map_range, size=3000, quick=2),
    OddFile(name="previous-loop.pdf", make=_previous_loop),
    OddFile(name="filters.pdf", make=_filters, size=16, quick=5),
    OddFile(name="objects.pdf", make=_objects, size=500_000, quick=500),
    OddFile(name="brackets.pdf", make=lambda n: page(stream(b"[" * n)), size=2_000_000, quick=5000),
    OddFile(
        name="parentheses.pdf",
        make=lambda n: page(stream(b"BT (" + b"(" * n)),
        size=2_000_000,
        quick=5000,
    ),
    OddFile(name="dictionaries.pdf", make=lambda n: page(b"<< /A " * n), size=500_000, quick=2000),
    OddFile(name="arrays.pdf", make=lambda n: page(b"[" * n + b"]" * n), size=500_000, quick=2000),
    OddFile(
        name="length.pdf",
        make=lambda n: page(stream(_TEXT).replace(b"/Length ", b"/Length %d" % (10**n))),
        size=18,
        quick=9,
    ),
    OddFile(
        name="count.pdf",
        make=lambda n: _pages(1).replace(b"/Count 1", b"/Count %d" % (10**n)),
        size=12,
        quick=9,
    ),
    OddFile(
        name="size.pdf",
        make=lambda n: page(stream(_TEXT)).replace(b"/Size 6", b"/Size %d" % (10**n)),
        size=12,
        quick=9,
    ),
    OddFile(
        name="predictor.pdf",
        make=lambda n: page(
            stream(
                zlib.compress(_TEXT),
                f"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns {10**n} >>",
            )
        ),
        size=12,
        quick=9,
    ),
    OddFile(
        name="box.pdf",
        make=lambda n: page(stream(_TEXT)).replace(
            b"[0 0 612 792]", b"[-%d 0 %d 1]" % (10**n, 10**n)
        ),
        size=30,
        quick=9,
    ),
    OddFile(
        name="text-far-away.pdf",
        make=lambda n: page(stream(b"BT /F1 12 Tf 1e%d -1e%d Td (words) Tj ET" % (n, n) * 50)),
        size=30,
        quick=9,
    ),
    OddFile(
        name="only-head.pdf", make=lambda n: b"%PDF-1.7\n" + b" " * n, size=50_000_000, quick=5000
    ),
    OddFile(
        name="many-ends.pdf",
        make=lambda n: b"%PDF-1.7\n" + b"startxref\n0\n%%EOF\n" * n,
        size=500_000,
        quick=500,
    ),
    OddFile(
        name="many-objects-cut.pdf",
        make=lambda n: b"%PDF-1.7\n" + b"1 0 obj\n" * n,
        size=1_000_000,
        quick=500,
    ),
)
"""Every file of this family."""
