"""`ragkit verify`: what it says, and its exit codes."""

from __future__ import annotations

from typing import Any

from ragkit_ingest.verify import VerifyReport


def test_a_sound_index(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(documents=2, chunks=5, vectors=4, generation=1)
    result = ragkit("verify")
    assert result.code == 0
    assert result.out == "2 documents, 5 chunks and 4 vectors checked. Sound.\n"


def test_what_was_mended_is_said_and_is_no_failure(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(healed=("the full-text index was damaged: built again",))
    result = ragkit("verify")
    assert result.code == 0
    assert "healed     the full-text index was damaged: built again" in result.out
    assert result.out.endswith("Sound.\n")


def test_a_note_is_no_failure(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(notes=("the log ends in an unfinished entry",))
    assert ragkit("verify").code == 0


def test_damage_beyond_mending_is_1(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(damaged=("the catalog is damaged",))
    result = ragkit("verify")
    assert result.code == 1
    assert "damaged    the catalog is damaged" in result.out
    assert result.out.endswith("Not sound.\n")


def test_documents_to_read_again_are_named_with_what_to_do(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(reread=("a\x1b[2J.md",))
    result = ragkit("verify")
    assert result.code == 1
    assert r"read again a\x1b[2J.md" in result.out
    assert "run ragkit ingest" in result.out


def test_json(ragkit: Any, pipeline: Any) -> None:
    pipeline.verified = VerifyReport(documents=1, reread=("a.md",), reembedded=3)
    result = ragkit("verify", "--json")
    assert result.code == 1
    assert result.json == {
        "sound": False,
        "documents": 1,
        "chunks": 0,
        "vectors": 0,
        "generation": 0,
        "healed": [],
        "notes": [],
        "reembedded": 3,
        "reread": ["a.md"],
        "damaged": [],
    }
