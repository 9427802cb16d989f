"""The public names are exactly those that are exported, and each can be imported."""

from __future__ import annotations

import subprocess
import sys

import ragkit


def test_the_public_names() -> None:
    assert sorted(ragkit.__all__) == [
        "Answer",
        "Citation",
        "Config",
        "IngestReport",
        "Passage",
        "Pipeline",
        "RagkitError",
        "SearchResult",
        "Sentence",
        "SourceDocument",
    ]


def test_each_name_is_what_it_says() -> None:
    for name in ragkit.__all__:
        assert getattr(ragkit, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(ragkit, "Nonsense")


def test_importing_ragkit_imports_nothing_heavy() -> None:
    assert loaded_by("import ragkit") == set()


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    assert loaded_by("import ragkit.cli.main") == set()


def test_asking_for_help_imports_nothing_heavy() -> None:
    run = "from ragkit.cli.main import run; run(['ask', '--help'])"
    assert loaded_by(run) == set()


def loaded_by(statement: str) -> set[str]:
    heavy = {
        "chromadb",
        "fastapi",
        "langchain_text_splitters",
        "llama_index",
        "lxml",
        "numpy",
        "openai",
        "openvino",
        "pathspec",
        "pypdf",
        "pypdfium2",
        "safetensors",
        "sqlite3",
        "tokenizers",
        "torch",
        "uvicorn",
        "watchfiles",
    }
    script = f"{statement}\nimport sys\nprint('loaded:', *sorted(set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return heavy & set(done.stdout.rsplit("loaded:", 1)[1].split())
