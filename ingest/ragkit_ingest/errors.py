"""Every error that ragkit raises on purpose.

    RagkitError
    ├── UsageError                what was asked for cannot be asked (exit code 2)
    │   ├── ConfigError           ragkit.toml, .ragkitignore or an option holds a wrong value
    │   └── MissingExtraError     a part that is not installed; says the install line
    ├── NothingToIngestError      no file that could be read was found
    ├── SourceError               one file could not become a document; the others go on
    │   ├── UnsupportedFormatError
    │   ├── MissingReaderError    what reads the format is not installed; says the install line
    │   ├── UnreadableFileError   missing, no permission, not a plain file, changed while read
    │   ├── BrokenFileError       the bytes are not what the name says
    │   ├── PasswordError         encrypted, and no password given opens it
    │   └── ParserLimitError      time, memory or size limit of the parsing worker exceeded
    ├── IndexStateError
    │   ├── NoIndexError          nothing there yet
    │   ├── NotAnIndexError       the folder is somebody else's
    │   ├── IndexLockedError      another process is writing
    │   ├── DamagedIndexError     the catalog itself is corrupt
    │   ├── EmbedderMismatchError the index was made by another embedder
    │   └── MassDeletionError     more than half of the documents would go
    ├── EmbedderError             the model is missing, altered or answered nonsense
    ├── GeneratorError            a generator or its endpoint failed
    ├── RerankerError             a reranker is missing, failed or answered nonsense
    ├── TuneError                 a training failed, or what it made cannot be used
    ├── StorageError              disk full, read-only, I/O error
    └── DamagedStoreError         a published folder of vectors is not intact; it can be rebuilt

A message is one sentence or two: what happened, the offending value, what to do next.
"""

from __future__ import annotations


class RagkitError(Exception):
    """The root: catching it catches everything that ragkit raises on purpose."""


class UsageError(RagkitError):
    """What was asked for cannot be asked: an unknown option, an empty question."""


class ConfigError(UsageError):
    """A configuration file or option holds a wrong value."""


class MissingExtraError(UsageError):
    """A part of ragkit was asked for that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'ragkit[{extra}]'")


class NothingToIngestError(RagkitError):
    """There is no file to ingest, and none was known."""


class SourceError(RagkitError):
    """One file could not become a document. The other files are not affected."""


class UnsupportedFormatError(SourceError):
    """No parser reads this format."""


class MissingReaderError(SourceError):
    """A library or program that reads this format is not installed."""


class UnreadableFileError(SourceError):
    """The file is missing, forbidden, not a plain file or changed while it was read."""


class BrokenFileError(SourceError):
    """The bytes are not what the file's name says they are."""


class PasswordError(SourceError):
    """The file is encrypted and no given password opens it."""


class ParserLimitError(SourceError):
    """Parsing went over a limit of time, memory or size, or ended the worker process."""


class IndexStateError(RagkitError):
    """The index cannot be used as asked."""


class NoIndexError(IndexStateError):
    """There is no index in the folder."""


class NotAnIndexError(IndexStateError):
    """The folder holds something that is not a ragkit index."""


class IndexLockedError(IndexStateError):
    """Another process is writing to the index."""


class DamagedIndexError(IndexStateError):
    """The catalog is corrupt: the index cannot be trusted."""


class EmbedderMismatchError(IndexStateError):
    """The index was made by another embedder; vectors of two spaces are never mixed."""


class MassDeletionError(IndexStateError):
    """A sync would remove more than half of the documents, and was refused."""


class EmbedderError(RagkitError):
    """The embedding model is missing, altered, or answered with something unusable."""


class GeneratorError(RagkitError):
    """A generator, or the endpoint behind it, failed."""


class RerankerError(RagkitError):
    """A reranker cannot be loaded, failed, or gave scores that cannot be ranked."""


class TuneError(RagkitError):
    """A training failed, or an adapter that it made cannot be used as asked."""


class StorageError(RagkitError):
    """The disk is full, read-only or failing. What was stored before is unharmed."""


class DamagedStoreError(RagkitError):
    """A published folder of vectors is not intact. The catalog can rebuild it."""
