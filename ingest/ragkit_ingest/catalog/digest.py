"""A digest beside every row of the catalog, because SQLite keeps no checksums.

A byte that a failing disk flips within a text, a vector or a number passes SQLite's own check.
So triggers write a digest of all the other columns whenever a row is written, whoever writes it,
and `sound` compares the two where a row is read.

Not a protection against an attacker, who could write a new digest.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

FUNCTION = "ragkit_digest"
_COLUMN = "row_digest"
_BYTES = 16
# What changes with every publication, and what SQLite's check compares with an index anyway.
_LEFT_OUT = {"revisions": {"state", "space_id"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose rows carry a digest.

    Attributes:
        name: Of the table.
        key: Its primary key's columns.
        columns: What the digest covers, in order.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    def sound(self, alias: str = "") -> str:
        """Return the SQL condition that a row is as it was written.

        Args:
            alias: Of the table within the query.
        """
        prefix = f"{alias}." if alias else ""
        return f"{self._computed(prefix)} IS {prefix}{_COLUMN}"

    def triggers(self) -> str:
        """Return the SQL of the triggers that keep the digests."""
        this = " AND ".join(f'"{column}" = NEW."{column}"' for column in self.key)
        update = f"UPDATE {self.name} SET {_COLUMN} = {self._computed('')} WHERE {this};"
        of = ", ".join(f'"{column}"' for column in self.columns)
        return (
            f"CREATE TRIGGER {self.name}_inserted AFTER INSERT ON {self.name}"
            f" BEGIN {update} END;\n"
            f"CREATE TRIGGER {self.name}_updated AFTER UPDATE OF {of} ON {self.name}"
            f" BEGIN {update} END;\n"
        )

    def _computed(self, prefix: str) -> str:
        names = [f'{prefix}"{column}"' for column in self.columns]
        types = " || ',' || ".join(f"typeof({name})" for name in names)
        values = ", ".join(f"CAST({name} AS BLOB)" for name in names)
        return f"{FUNCTION}({types}, {values})"


def tables(connection: sqlite3.Connection) -> tuple[Table, ...]:
    """Return every table that has a column for the digest, by name."""
    found: dict[str, list[tuple[str, int]]] = {}
    for table, column, position in connection.execute(
        "SELECT m.name, p.name, p.pk FROM sqlite_schema m, pragma_table_info(m.name) p"
        " WHERE m.type = 'table' ORDER BY m.name, p.cid"
    ):
        found.setdefault(table, []).append((column, position))
    return tuple(
        _table(name, columns)
        for name, columns in found.items()
        if _COLUMN in (column for column, _ in columns)
    )


def register(connection: sqlite3.Connection) -> None:
    """Teach a connection how a digest is computed."""
    connection.create_function(FUNCTION, -1, _digest, deterministic=True)
    connection.execute("PRAGMA trusted_schema = ON")  # triggers may call it


def _table(name: str, columns: Sequence[tuple[str, int]]) -> Table:
    left_out = {_COLUMN} | _LEFT_OUT.get(name, set())
    return Table(
        name=name,
        key=tuple(column for column, position in columns if position),
        columns=tuple(column for column, _ in columns if column not in left_out),
    )


def _digest(types: str, *values: bytes | None) -> bytes:
    """Return the digest of a row: the types of its values, then their bytes with their lengths."""
    total = hashlib.blake2b(types.encode(), digest_size=_BYTES)
    for value in values:
        if value is not None:
            total.update(len(value).to_bytes(8, "little"))
            total.update(value)
    return total.digest()
