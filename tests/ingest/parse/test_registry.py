from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ragkit_ingest.parse.registry import BUILT_IN, ParserRegistry


def test_importing_the_registry_imports_no_parser() -> None:
    code = (
        "import sys; import ragkit_ingest.parse.registry; "
        "print([m for m in ('lxml', 'docx', 'pypdf', 'pypdfium2', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize("suffix", sorted(BUILT_IN))
def test_every_suffix_has_a_parser_that_claims_it(suffix: str) -> None:
    registry = ParserRegistry()
    parser = registry.parser_for(Path(f"a{suffix.upper()}"))
    assert parser is not None
    assert suffix in parser.suffixes
    name, *_ = registry.fingerprint(parser).split(" ")
    assert name == f"{parser.name}/{parser.version}"


def test_every_claimed_suffix_is_registered() -> None:
    registry = ParserRegistry()
    for suffix in registry.formats():
        parser = registry.parser_for(Path(f"a{suffix}"))
        assert parser is not None
        assert parser.suffixes <= set(registry.formats())


def test_unknown_names_have_no_parser() -> None:
    assert ParserRegistry().parser_for(Path("a.exe")) is None
    assert ParserRegistry().parser_for(Path("README")) is None


def test_who_holds_other_files_changes_with_the_formats_that_are_read() -> None:
    plain, reading = ParserRegistry(), ParserRegistry(ocr=True)
    for name, differs in (("a.eml", True), ("a.mbox", True), ("a.md", False)):
        parser = plain.parser_for(Path(name))
        assert parser is not None
        assert (plain.fingerprint(parser) != reading.fingerprint(parser)) is differs
        assert plain.fingerprint(parser) == ParserRegistry().fingerprint(parser)
