from __future__ import annotations

from ragkit_ingest.parse.layout.page import Word, segments
from ragkit_ingest.parse.layout.running import mask, without_running_lines


def kept(pages: list[list[tuple[float, str]]]) -> list[list[str]]:
    placed = [
        segments([Word(text, 72, 300, y, 10, bold=False) for y, text in lines]) for lines in pages
    ]
    cleaned, _ = without_running_lines(placed, [800.0] * len(pages))
    return [[segment.text for segment in lines] for lines in cleaned]


def body(number: int) -> list[tuple[float, str]]:
    return [(500.0 - 20 * line, f"body{number}line{chr(97 + line)}") for line in range(4)]


def test_numbers_are_masked() -> None:
    assert mask("Page 12 of 30") == "page # of #"
    assert mask("xiv") == "#"


def test_alternating_headers_go() -> None:
    pages = [
        [(780.0, "left" if n % 2 else "right"), *body(n), (20.0, f"- {n} -")] for n in range(6)
    ]
    result = kept(pages)
    assert all(len(lines) == 4 for lines in result)


def test_a_repeated_line_in_the_body_stays() -> None:
    pages = [[*body(1)[:2], (420.0, "Signed:"), *body(2)[2:], (300.0, "x")] for _ in range(4)]
    assert all("Signed:" in lines for lines in kept(pages))


def test_two_pages_need_the_same_height() -> None:
    same = [[(790.0, "Spec 1"), *body(1)], [(790.0, "Spec 2"), *body(2)]]
    assert [len(lines) for lines in kept(same)] == [4, 4]
    other = [[(790.0, "Spec 1"), *body(1)], [(770.0, "Spec 2"), *body(2)]]
    assert [len(lines) for lines in kept(other)] == [5, 5]


def test_the_wording_of_running_lines_is_told_and_page_numbers_are_not() -> None:
    pages = [
        segments([Word(text, 72, 300, y, 10, bold=False) for y, text in lines])
        for lines in [[(780.0, "Contract 7"), *body(n), (20.0, f"- {n} -")] for n in range(4)]
    ]
    _, wordings = without_running_lines(pages, [800.0] * 4)
    assert wordings == ["Contract 7"]
