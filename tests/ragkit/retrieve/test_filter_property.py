"""Filters against brute force: whatever the metadata, the filter, the mode, the store and k."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.retrieve.retriever import MODES, Retriever
from ragkit_ingest.errors import UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.records import MetadataValue
from ragkit_ingest.source import SourceDocument
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync_documents
from tests.support.hashing import HashingEmbedder

TEAMS = ["Legal", "legal", "finance", "R & D", "\u00c9tude"]
DATES = ["2024-01-31", "2025-06-30", "2025-07-01", "2026-01-01"]
PATHS = ["a/one", "a/two", "a/b/one", "B/[x]", "c.d"]
FIELDS: dict[str, st.SearchStrategy[MetadataValue]] = {
    "team": st.sampled_from(TEAMS),
    "date": st.sampled_from(DATES),
    "version": st.one_of(st.integers(-3, 12), st.sampled_from([1.5, 2.0, 10.25])),
    "final": st.booleans(),
}
DOCUMENTS = st.lists(st.fixed_dictionaries({}, optional=FIELDS), min_size=1, max_size=25)
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def conditions(values: list[str]) -> st.SearchStrategy[str]:
    value = st.sampled_from(values)
    bound = st.builds(lambda sign, v: f"{sign}{v}", st.sampled_from(list(SIGNS)), value)
    return st.one_of(
        value,
        st.lists(value, min_size=2, max_size=3).map("|".join),
        bound,
        st.lists(bound, min_size=2, max_size=2).map(" & ".join),
    )


WHERE = st.fixed_dictionaries(
    {},
    optional={
        "team": st.one_of(
            st.sampled_from([*TEAMS, "nobody"]),
            st.lists(st.sampled_from(TEAMS), min_size=2, max_size=2).map("|".join),
        ),
        "date": conditions([*DATES, "2025"]),
        "version": conditions(["-1", "2", "2.0", "10", "10.25"]),
        "final": st.sampled_from(["true", "False", "true|false"]),
        "path": st.sampled_from(
            ["*", "a/*", "src/a/*", "*one", "src/?/*", "*/B/[[]x]*", "src/c.d*"]
        ),
    },
)


def listed(metadata: dict[str, MetadataValue]) -> str:
    return repr(sorted(metadata.items()))


def brute(path: str, metadata: dict[str, MetadataValue], where: dict[str, str]) -> bool:
    return all(
        glob(path, condition) if field == "path" else meets(metadata.get(field), condition)
        for field, condition in where.items()
    )


def glob(path: str, pattern: str) -> bool:
    kinds = {"*": ".*", "?": "."}
    parts = re.findall(r"\[\[\]|.", pattern)
    plain = "".join(kinds.get(p) or re.escape("[" if p == "[[]" else p) for p in parts)
    return re.fullmatch(plain, path, re.DOTALL) is not None


def meets(value: MetadataValue | None, condition: str) -> bool:
    if value is None:
        return False
    if condition[0] not in "<>":
        return any(same(value, option) for option in condition.split("|"))
    return all(compares(value, part.strip()) for part in condition.split("&"))


def same(value: MetadataValue, option: str) -> bool:
    if isinstance(value, bool | str):
        return str(value).lower() == option.lower()
    return option.lstrip("-").replace(".", "").isdigit() and value == json.loads(option)


def compares(value: MetadataValue, part: str) -> bool:
    sign = part[:2] if part[1] == "=" else part[0]
    bound = part.removeprefix(sign)
    if isinstance(value, str):
        return bool(SIGNS[sign](value, bound))
    return bool(SIGNS[sign](value, json.loads(bound)))


@pytest.fixture(params=[ExactStore, ChromaStore], ids=["exact", "chroma"], scope="module")
def index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("filters") / "index"
    index = Index(folder, embedder=HashingEmbedder(), store=request.param(), create=True)
    yield index
    index.close()


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    held=DOCUMENTS,
    asked=st.lists(
        st.tuples(WHERE, st.sampled_from(MODES), st.sampled_from([1, 2, 5, 24, 100])),
        min_size=6,
        max_size=12,
    ),
)
def test_a_search_finds_what_brute_force_finds(
    index: Index,
    held: list[dict[str, MetadataValue]],
    asked: list[tuple[dict[str, str], str, int]],
) -> None:
    documents = [
        SourceDocument(id=f"{PATHS[n % 5]}{n}", text=f"It costs {n} euro.", metadata=metadata)
        for n, metadata in enumerate(held)
    ]
    sync_documents(
        index, "src", documents, SyncSettings(allow_mass_delete=True), None, partial=False
    )
    facts = {item.path: dict(item.metadata) for item in index.facts()}
    assert sorted(map(listed, facts.values())) == sorted(map(listed, held))
    known = {field for metadata in held for field in metadata} | {"path"}
    for where, mode, k in asked:
        if not where.keys() <= known:
            with pytest.raises(UsageError, match="no document has the field"):
                Retriever(index).search("costs euro", mode=mode, k=k, where=where)
            continue
        wanted = {path for path, metadata in facts.items() if brute(path, metadata, where)}
        hits = Retriever(index).search("costs euro", mode=mode, k=k, where=where).hits
        found = [hit.path for hit in hits]
        assert set(found) <= wanted
        assert len(found) == len(set(found)) == min(k, len(wanted))
        # The best of what is left, in the order in which they come without a filter.
        if mode != "hybrid":
            everything = Retriever(index).search("costs euro", mode=mode, k=1000).hits
            left = [hit for hit in everything if hit.path in wanted]
            scores = [hit.score for hit in left][:k]
            assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-5)
