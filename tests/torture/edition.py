"""What a folder holds: the model that every index is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.folder import Folder, word

Files = Mapping[str, str | bytes]


def note(number: int, *, parts: int = 3, edition: str = "first") -> str:
    """Return a document of several chunks, whose words no other number has."""
    sections = [
        f"## Part {part} of {number}\n\n"
        + f"The {word(number)} {word(100 + part)} of the {edition} edition costs {part} euro. " * 9
        for part in range(parts)
    ]
    return f"# Note {word(number)}\n\n" + "\n\n".join(sections) + "\n"


_FIRST: dict[str, str | bytes] = {
    **{f"{number}.md": note(number) for number in range(8)},
    "sub/table.csv": "item,price\n" + "\n".join(f"{word(n)},{n} euro" for n in range(200, 230)),
    "page.html": f"<h1>Tea</h1><p>The {word(300)} urn is descaled every Friday.</p>",
    "twin.md": note(1),  # the same text twice: one vector, two chunks
    "broken.docx": b"this is no archive",
    "empty.html": "<html></html>",
}

EDITIONS: dict[str, dict[str, str | bytes]] = {
    "first": _FIRST,
    # edited, deleted, added and renamed at once
    "second": {
        **{name: text for name, text in _FIRST.items() if name not in ("0.md", "1.md", "5.md")},
        "2.md": note(2, edition="second"),
        "sub/table.csv": "item,price\nkettle,59 euro",
        "moved/5.md": _FIRST["5.md"],
        "new.md": note(20, parts=5),
        "also broken.docx": b"nor is this",
    },
    # little enough for the old vectors to be taken over
    "small": {**_FIRST, "3.md": note(3, edition="corrected")},
    "without": {name: text for name, text in _FIRST.items() if name not in ("4.md", "twin.md")},
}


def write(folder: Path, files: Files, clock: int) -> None:
    """Make the folder hold exactly these files; what is the same keeps its time stamp.

    Args:
        folder: Made if it is not there.
        files: Contents by name.
        clock: Seconds that the time stamps of written files lie after those of a lower clock.
    """
    docs = Folder(folder, start_s=clock)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        wanted = content if isinstance(content, bytes) else content.encode()
        path = folder / name
        if not path.is_file() or path.read_bytes() != wanted:
            docs.write(name, wanted)
