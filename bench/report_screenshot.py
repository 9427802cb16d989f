"""Evaluates the example company, looks at the report in Chromium, and writes docs/report.png.

The picture shows the page's top in light colours on a wide screen, and its bars in dark ones on a
phone. Before it is taken, the page must fit: at no width may it scroll sideways as a whole.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from bench.browser import Browser, browser
from ragkit.cli.main import run

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "report.png"
INDEX = ".ragkit-demo"
_WIDE, _PHONE, _HEIGHT, _GAP = 1040, 390, 1560, 24
_GROUND = (226, 231, 235)
_COLOURS = 128
_MOST_BYTES = 300_000


def main() -> None:
    """Write the picture, or end with what is wrong."""
    with TemporaryDirectory(prefix="ragkit-report-") as folder:
        page = evaluated(Path(folder))
        with browser() as shown:
            for width in (360, 390, 768, _WIDE):
                _check_fits(shown, page, width)
            pictures = [
                _picture(shown, page, _WIDE, dark=False),
                _picture(shown, page, _PHONE, dark=True, at="outcomes"),
            ]
    held = joined(pictures)
    if len(held) > _MOST_BYTES:
        sys.exit(f"the picture has {len(held):,} bytes, and may have {_MOST_BYTES:,}")
    PICTURE.write_bytes(held)
    print(f"{PICTURE}: {len(held):,} bytes")


def evaluated(folder: Path) -> Path:
    """Return the page of an evaluation of the example company; no model is asked."""
    cases, out = str(folder / "cases.jsonl"), str(folder / "report")
    arms = str(ROOT / "examples" / "arms.toml")
    for command in (
        ["ingest", str(ROOT / "examples" / "company"), "--index", INDEX],
        ["eval", "questions", "-n", "60", "--out", cases, "--index", INDEX],
        ["eval", "run", cases, "--out", out, "--arms-file", arms, "--index", INDEX],
    ):
        code = run(command)
        if code:
            sys.exit(f"ragkit {' '.join(command)} ended with {code}")
    return Path(out) / "report.html"


def joined(pictures: list[bytes]) -> bytes:
    """Return pictures side by side as one PNG of few colours."""
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    width = sum(image.width for image in images) + _GAP * (len(images) + 1)
    whole = Image.new("RGB", (width, _HEIGHT + 2 * _GAP), _GROUND)
    at = _GAP
    for image in images:
        whole.paste(image, (at, _GAP))
        at += image.width + _GAP
    file = io.BytesIO()
    whole.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _check_fits(shown: Browser, page: Path, width: int) -> None:
    shown.show(page, width=width, height=800)
    found = shown.value("document.documentElement.scrollWidth")
    if found > width:
        sys.exit(f"at a width of {width} pixels the page is {found} wide, and scrolls sideways")


def _picture(shown: Browser, page: Path, width: int, *, dark: bool, at: str = "") -> bytes:
    """Return the page from its top, or from a section on."""
    shown.show(page, width=width, height=_HEIGHT, dark=dark)
    if at:
        shown.value(f"document.getElementById('{at}').scrollIntoView({{behavior: 'instant'}})")
    return shown.picture()


if __name__ == "__main__":
    main()
