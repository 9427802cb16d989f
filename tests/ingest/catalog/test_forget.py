"""What no chunk holds is forgotten, without reading the vectors that stay."""

from __future__ import annotations

from ragkit_ingest.catalog.publish import Publisher
from tests.ingest.conftest import Bench


def test_vectors_that_stay_are_not_read(bench: Bench) -> None:
    bench.docs.fill(30)
    bench.sync()
    db = bench.index.connection
    keys = [key for (key,) in db.execute("SELECT text_key FROM vectors ORDER BY text_key")]
    db.execute("DELETE FROM words")
    db.execute("DELETE FROM chunks WHERE text_key IN (?, ?)", keys[3:5])
    seen: list[str] = []
    db.set_trace_callback(seen.append)
    Publisher(db).forget_vectors()
    db.set_trace_callback(None)
    left = [key for (key,) in db.execute("SELECT text_key FROM vectors ORDER BY text_key")]
    assert left == keys[:3] + keys[5:]
    (query,) = {sql for sql in seen if sql.startswith("SELECT space_id")}
    plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "COVERING INDEX vectors_by_text" in plan
    assert "COVERING INDEX chunks_by_text" in plan
