"""Files over HTTP: kept whole, listed, expired, deleted; what is no training file is refused."""

from __future__ import annotations

import io
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from ragkit.tune.serve.ledger import Ledger
from ragkit.tune.serve.record import StoredFile
from ragkit.tune.serve.vault import Vault
from tests.ragkit.tune.serve.test_jobs import create, reach, refused, upload
from tests.support.tune_server import client, examples, in_thread


def test_a_file_is_kept_as_it_was_sent(api: OpenAI) -> None:
    content = "é\u2028".encode() + examples() * 2000  # more than is held in memory
    made = api.files.create(file=("a/../voice.jsonl", content), purpose="fine-tune")
    assert (made.bytes, made.filename, made.status) == (len(content), "voice.jsonl", "processed")
    assert (made.purpose, made.expires_at) == ("fine-tune", None)
    assert api.files.retrieve(made.id) == made
    assert api.files.content(made.id).content == content
    assert api.files.wait_for_processing(made.id).id == made.id


def test_files_are_listed_in_pages(api: OpenAI) -> None:
    made = [upload(api) for _ in range(3)]
    page = api.files.list(limit=2)
    assert ([file.id for file in page.data], page.has_more) == (made[:0:-1], True)
    assert [file.id for file in api.files.list(limit=2)] == made[::-1]
    assert [file.id for file in api.files.list(order="asc")] == made
    assert list(api.files.list(purpose="fine-tune-results")) == []
    assert refused(api.files.list, order="up")["param"] == "order"


def test_a_deleted_file_is_gone(api: OpenAI, tmp_path: Path) -> None:
    name = upload(api)
    assert (tmp_path / "data" / "files" / name).exists()
    assert api.files.delete(name).deleted
    assert not (tmp_path / "data" / "files" / name).exists()
    for call in (api.files.retrieve, api.files.delete, api.files.content):
        said = refused(call, name)
        assert (said["status"], said["message"]) == (404, f"No such File object: {name}")


@pytest.mark.parametrize("name", ["../ledger.db", "..%2Fledger.db", ".", "file-\x00"])
def test_no_id_leads_out_of_the_folder(api: OpenAI, name: str) -> None:
    for call in (api.files.retrieve, api.files.content):
        try:
            said = refused(call, name)
        except ValueError:  # the client itself refuses to ask
            continue
        assert said["status"] == 404


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"purpose": "assistants"}, "purpose"),
        ({"file": ("voice.txt", b"x")}, "file"),
        ({"file": ("voice.jsonl", b"")}, "file"),
        ({"expires_after": {"anchor": "created_at", "seconds": 3599}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "created_at", "seconds": 2592001}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now", "seconds": 3600}}, "expires_after.anchor"),
    ],
)
def test_what_is_no_training_file(api: OpenAI, options: dict[str, Any], param: str) -> None:
    said = refused(
        api.files.create, **{"file": ("a.jsonl", examples()), "purpose": "fine-tune"} | options
    )
    assert (said["status"], said["param"]) == (400, param)
    assert list(api.files.list()) == []


def test_a_form_without_a_file(api: OpenAI) -> None:
    said = refused(
        api.post,
        "/files",
        cast_to=object,
        body={"purpose": "fine-tune"},
        files={"other": b"x"},
        options={"headers": {"Content-Type": "multipart/form-data"}},
    )
    assert (said["status"], said["param"]) == (400, "file")


def test_a_file_that_is_too_large(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with in_thread(base, data, upload_bytes=5000) as url, client(url) as api:
        for size in (5001, 200_000):
            said = refused(api.files.create, file=("a.jsonl", b"x" * size), purpose="fine-tune")
            assert (said["status"], said["code"]) == (413, "request_too_large")
        assert api.files.create(file=("a.jsonl", b"x" * 5000), purpose="fine-tune").bytes == 5000
        assert len(list((data / "files").iterdir())) == 1


def test_an_expired_file_is_gone_also_from_the_disk(tmp_path: Path) -> None:
    now = 1000.0
    ledger = Ledger(tmp_path / "ledger.db")
    vault = Vault(tmp_path / "files", ledger, clock=lambda: now)
    kept = vault.put(io.BytesIO(b"a"), filename="a.jsonl")
    short = vault.put(io.BytesIO(b"b"), filename="b.jsonl", expires_after_s=3600)
    assert short.expires_at == 4600
    now = 4599.0
    assert vault.get(short.id) == short
    now = 4600.0
    assert vault.get(short.id) is None
    vault.expire()
    assert [path.name for path in (tmp_path / "files").iterdir()] == [kept.id]
    ledger.close()


def test_a_content_that_is_cut_off_is_not_stored(tmp_path: Path) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 2:
                raise OSError("the connection is gone")
            return super().read(3)

    ledger = Ledger(tmp_path / "ledger.db")
    vault = Vault(tmp_path / "files", ledger)
    with pytest.raises(OSError, match="is gone"):
        vault.put(Cut(b"abcdef"), filename="a.jsonl")
    assert list((tmp_path / "files").iterdir()) == []
    assert ledger.all(StoredFile) == ()
    stored = vault.put(io.BytesIO(b"abcdef"), filename="a.jsonl")
    assert stored.size_bytes == 6
    assert vault.path(stored).read_bytes() == b"abcdef"
    assert stat.S_IMODE(vault.path(stored).stat().st_mode) == 0o600
    ledger.close()


def test_what_a_crash_left_is_swept_away(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    kept = Vault(tmp_path / "files", ledger).put(io.BytesIO(b"a"), filename="a.jsonl")
    (tmp_path / "files" / "file-half.part").write_bytes(b"x")
    (tmp_path / "files" / "file-unnamed").write_bytes(b"x")
    Vault(tmp_path / "files", ledger)
    assert [path.name for path in (tmp_path / "files").iterdir()] == [kept.id]
    ledger.close()


def test_the_expiry_that_was_asked_for(api: OpenAI) -> None:
    made = api.files.create(
        file=("a.jsonl", examples()),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 86400},
    )
    assert made.expires_at == made.created_at + 86400
    assert abs(made.created_at - time.time()) < 60


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no json\n" * 12, "Line 1: the line is not JSON"),
        (examples() + b'{"messages": []}\n', "Line 13: messages"),
        (examples(3), "at least 10 are needed"),
        (examples().replace(b'"user"', b'"owner"', 1), "Line 1: message 1 has the role 'owner'"),
    ],
)
def test_a_malformed_file_fails_its_job(
    base: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    with in_thread(base, tmp_path / "data") as url, client(url) as api:
        job = reach(api, create(api, training_file=upload(api, content)).id, "failed")
        assert job.error is not None
        assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")
        assert job.error.message.startswith("The job failed due to an invalid training file.")
        assert said in job.error.message


def test_a_malformed_validation_file_fails_its_job(base: Path, tmp_path: Path) -> None:
    with in_thread(base, tmp_path / "data") as url, client(url) as api:
        wrong = upload(api, examples(2) + b"{}\n")
        job = reach(api, create(api, validation_file=wrong).id, "failed")
        assert job.error is not None
        assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")
        assert "Line 3:" in job.error.message
