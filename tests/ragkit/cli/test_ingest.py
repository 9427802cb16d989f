"""`ragkit ingest`: the report, the plan, and the exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit_ingest.errors import MassDeletionError, NoIndexError, UnreadableFileError
from ragkit_ingest.report import Failure, FileCounts


def test_a_report_counts_and_names_failures(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.ingested = make.failing_report()
    result = ragkit("ingest", "docs")
    assert result.code == 3
    assert "Files: 1 indexed, 1 failed, 1 without text" in result.out
    assert "Failed: 1\n  broken.pdf  it is not a PDF" in result.out
    assert "scan.pdf" in result.out
    assert "photo.jpg  no parser reads .jpg" in result.out


def test_all_well_is_0(ragkit: Any) -> None:
    result = ragkit("ingest", "docs")
    assert result.code == 0
    assert "Files: 2 indexed, 1 unchanged" in result.out
    assert "Chunks: 9 searchable, 5 added, 0 removed (5 embedded, 1.2 s)" in result.out


def test_json_keeps_the_exit_code(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.ingested = make.failing_report()
    result = ragkit("ingest", "docs", "--json")
    assert result.code == 3
    assert result.json["files"]["failed"] == 1
    assert result.json["failures"][0]["path"] == "broken.pdf"


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 3)])
def test_strict_counts_files_without_text(
    ragkit: Any, pipeline: Any, make: Any, options: tuple[str, ...], code: int
) -> None:
    pipeline.ingested = make.report(files=FileCounts(indexed=1, no_text=1), no_text=("scan.pdf",))
    assert ragkit("ingest", "docs", *options).code == code


def test_options_reach_the_pipeline(ragkit: Any, pipeline: Any, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("one\n\ntwo words\n", encoding="utf-8")
    ragkit(
        *("ingest", "a", "b", "--checksum", "--allow-mass-delete", "--retry", "--no-ocr"),
        *("--password-file", str(passwords)),
    )
    assert pipeline.last("ingest") == {
        "paths": ("a", "b"),
        "dry_run": False,
        "checksum": True,
        "allow_mass_delete": True,
        "passwords": ["one", "two words"],
        "retry": True,
        "ocr": False,
        "progress": False,
    }


def test_a_missing_password_file_is_usage(ragkit: Any, tmp_path: Path) -> None:
    result = ragkit("ingest", "a", "--password-file", str(tmp_path / "none"))
    assert result.code == 2
    assert "--password-file" in result.err


def test_a_dry_run_prints_the_plan(ragkit: Any) -> None:
    result = ragkit("ingest", "docs", "--dry-run")
    assert result.code == 0
    assert result.out.startswith("Nothing was changed.")
    for line in (
        "  locked.pdf  before 2027-01-15 08:01 UTC",
        "  new.md",
        "  edited.md",
        "  old.md  to moved.md",
        "  gone.md",
    ):
        assert line in result.out
    assert "Leave 2 unchanged, skip 1." in result.out
    assert ragkit("ingest", "docs", "--dry-run", "--json").json["added"] == ["new.md"]


def test_without_a_path_what_was_indexed_before_is_synced(ragkit: Any, pipeline: Any) -> None:
    assert ragkit("ingest").code == 0
    assert pipeline.last("ingest")["paths"] == ()


def test_without_a_path_and_without_an_index_nothing_is_made(ragkit: Any, pipeline: Any) -> None:
    pipeline.held = NoIndexError("there is no index here; run: ragkit ingest PATH")
    result = ragkit("ingest")
    assert result.code == 1
    assert "there is no index here" in result.err
    assert [call for call, _ in pipeline.calls if call == "ingest"] == []


@pytest.mark.parametrize(
    "error",
    [
        UnreadableFileError("no such folder: x"),
        MassDeletionError("more than half of the documents would go"),
    ],
)
def test_a_refused_sync_is_1(ragkit: Any, pipeline: Any, error: Exception) -> None:
    pipeline.ingested = error
    result = ragkit("ingest", "x")
    assert result.code == 1
    assert str(error) in result.err


def test_long_lists_are_cut_and_counted(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.ingested = make.report(no_text=tuple(f"scan{i}.pdf" for i in range(30)))
    result = ragkit("ingest", "docs")
    assert "scan19.pdf" in result.out
    assert "scan20.pdf" not in result.out
    assert "and 10 more" in result.out


def test_what_rests_is_told_from_what_was_tried(ragkit: Any, pipeline: Any, make: Any) -> None:
    failures = (
        Failure(path="first.pdf", reason="it is not a PDF", retry=True),
        Failure(
            path="mail.eml/third.pdf",
            reason="it is not a PDF",
            retry=True,
            tried=False,
            attempts=3,
            next_try="2027-01-15T08:03:00+00:00",
        ),
    )
    files = FileCounts(indexed=1, moved=2, failed=2, attachments=4)
    pipeline.ingested = make.report(files=files, failures=failures)
    result = ragkit("ingest", "docs")
    assert result.code == 3
    assert "Files: 1 indexed, 2 moved, 2 failed, 4 attachments read" in result.out
    assert "Failed: 1\n  first.pdf  it is not a PDF (will be tried again)" in result.out
    assert "not tried again yet (--retry tries them now): 1" in result.out
    assert "(failed 3 times, next try after 2027-01-15 08:03 UTC)" in " ".join(result.out.split())
    parsed = ragkit("ingest", "docs", "--json").json
    assert parsed["failures"][1] == {
        "path": "mail.eml/third.pdf",
        "reason": "it is not a PDF",
        "retry": True,
        "tried": False,
        "attempts": 3,
        "next_try": "2027-01-15T08:03:00+00:00",
    }
    assert (parsed["files"]["moved"], parsed["files"]["attachments"]) == (2, 4)


@pytest.mark.parametrize(
    ("options", "ocr"), [((), None), (("--ocr",), True), (("--no-ocr",), False)]
)
def test_ocr_is_as_before_unless_it_is_said(
    ragkit: Any, pipeline: Any, options: tuple[str, ...], ocr: bool | None
) -> None:
    ragkit("ingest", "docs", *options)
    assert pipeline.last("ingest")["ocr"] is ocr


def test_purge_follows_the_sync_and_is_reported(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("ingest", "docs", "--purge")
    assert result.code == 0
    assert "Erased from the index's files" in result.out
    assert [call for call, _ in pipeline.calls] == ["ingest", "purge", "close"]
    purged = ragkit("ingest", "docs", "--purge", "--json").json["purged"]
    assert purged == {"size_before": 2000, "size_after": 1000, "generation": 3}


def test_a_dry_run_purges_nothing(ragkit: Any, pipeline: Any) -> None:
    ragkit("ingest", "docs", "--purge", "--dry-run")
    assert "purge" not in [call for call, _ in pipeline.calls]
