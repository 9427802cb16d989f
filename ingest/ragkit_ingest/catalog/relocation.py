"""Gives a file that moved its new place: its document, ids and vectors stay as they are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.catalog.staging import WITHIN, free_path, readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """Where a known file is now.

    Attributes:
        file_id: Which.
        root_id: The root that holds it now.
        name: Relative to that root, with slashes; odd bytes as surrogates.
        path: How the index is to show it.
        size: In bytes.
        mtime_ns: Modification time in nanoseconds.
    """

    file_id: int
    root_id: int
    name: str
    path: str
    size: int
    mtime_ns: int


def relocate(connection: sqlite3.Connection, moves: Sequence[Relocation]) -> None:
    """Give the files, and the attachments within them, their new names: all or none."""
    with transaction(connection):
        # Files may take each other's paths, so all leave theirs before any takes a new one.
        for move in moves:
            connection.execute(
                "UPDATE files SET path = char(0) || id WHERE id = ?1 OR owner_id = ?1",
                (move.file_id,),
            )
        for move in moves:
            _relocate(connection, move)


def _relocate(connection: sqlite3.Connection, move: Relocation) -> None:
    name = os.fsencode(move.name)
    path = free_path(connection, move.path, move.root_id, name)
    connection.execute(
        "UPDATE files SET root_id = ?, name = ?, path = ?, size = ?, mtime_ns = ? WHERE id = ?",
        (move.root_id, name, path, move.size, move.mtime_ns, move.file_id),
    )
    within = connection.execute(
        "SELECT id, name FROM files WHERE owner_id = ?", (move.file_id,)
    ).fetchall()
    mark = os.fsencode(WITHIN)
    for id_, old in within:
        inner = old.split(mark, 1)[1]
        new = name + mark + inner
        shown = free_path(connection, f"{path}/{readable(os.fsdecode(inner))}", move.root_id, new)
        connection.execute(
            "UPDATE files SET root_id = ?, name = ?, path = ? WHERE id = ?",
            (move.root_id, new, shown, id_),
        )
