"""Ask a SQL database, read by LlamaIndex's database reader.

    pip install 'ragkit[llama-index]'
    python examples/ask_a_database.py "What is wrong with the urn at the Cormorant?"

A small SQLite database of repairs is made in `repairs.sqlite`, one row is changed, and only that
row is read and embedded again. Any database that SQLAlchemy knows works the same. The index is kept
in `.ragkit` in the working folder.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from ragkit import Pipeline, RagkitError

if TYPE_CHECKING:
    from llama_index.core.schema import Document

REPAIRS = [
    ("RMA-4711", "Urn 12", "Saltmarsh Lodge", "open", "The tap drips. A new seal was ordered."),
    ("RMA-4712", "QK-350", "Old Customs House", "closed", "The lid sensor was replaced."),
    ("RMA-4713", "Urn 24", "The Cormorant", "open", "The urn trips the fuse when it is filled."),
    ("RMA-4714", "QK-200", "The Cormorant", "closed", "The kettle was descaled and returned."),
    ("RMA-4715", "Trivet Hub", "Saltmarsh Lodge", "open", "The hub loses its pairing every night."),
]
QUERY = "SELECT id, product, hotel, status, report FROM repairs ORDER BY id"


def main(arguments: Sequence[str], index: str = ".ragkit", database: str = "repairs.sqlite") -> int:
    """Make the database, ingest it before and after a change, print the answer and its sources.

    Args:
        arguments: The question.
        index: The index folder; made if it is not there.
        database: The SQLite file; its table `repairs` is made anew.

    Returns:
        The exit code: 0, 1 after an error, 2 if the arguments are wrong.
    """
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    make(database)
    try:
        with Pipeline(index) as rag:
            print("first: ", ingest(rag, database))
            change(database, "RMA-4713", "A heating element has a short circuit; it is replaced.")
            print("second:", ingest(rag, database))
            answer = rag.ask(arguments[0])
    except RagkitError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(answer.text)
    for citation in answer.citations:
        print(f'[{citation.n}] {citation.path}: "{citation.quote}"')
    return 0


def ingest(rag: Pipeline, database: str) -> str:
    """Bring the index in line with the table, and return what that took."""
    with rows(database) as documents:
        report = rag.ingest_documents(documents, source="repairs")
    files = report.files
    return (
        f"{files.indexed} read, {files.unchanged} unchanged, {files.removed} removed, "
        f"{report.embedded} embedded"
    )


@contextmanager
def rows(database: str) -> Iterator[Iterator[Document]]:
    """Give the table's rows as documents, one at a time."""
    from llama_index.readers.database import DatabaseReader
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{database}")
    try:
        yield DatabaseReader(engine=engine).lazy_load_data(
            query=QUERY,
            metadata_cols=[("product", "title"), "hotel", "status"],  # what `where` may ask for
            excluded_text_cols=["id", "status"],
            document_id=lambda row: row["id"],  # without it each run would make up new ids
        )
    finally:
        engine.dispose()


def make(database: str) -> None:
    """Write the table."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS repairs")
        connection.execute(
            "CREATE TABLE repairs"
            " (id TEXT PRIMARY KEY, product TEXT, hotel TEXT, status TEXT, report TEXT)"
        )
        connection.executemany("INSERT INTO repairs VALUES (?, ?, ?, ?, ?)", REPAIRS)


def change(database: str, id_: str, report: str) -> None:
    """Update one row."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE repairs SET report = ? WHERE id = ?", (report, id_))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
