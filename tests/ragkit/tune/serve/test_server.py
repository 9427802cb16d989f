"""Starting the endpoint: what may be served to whom; and as a process, killed in the middle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.tune.serve import server
from ragkit.tune.serve.guard import host_names
from ragkit.tune.serve.ledger import Ledger
from ragkit.tune.serve.record import StoredFile
from ragkit.tune.serve.server import ServeSettings, read_bases, read_token
from ragkit_ingest.errors import ConfigError, MissingExtraError, StorageError
from tests.ragkit.tune.serve.test_cycle import ANSWER, SAID, ended, says
from tests.ragkit.tune.serve.test_jobs import messages, until
from tests.support.tune_server import TOKEN, FakeTrainer, ServerProcess, client, examples, in_thread


def settings(**changes: Any) -> ServeSettings:
    options: dict[str, Any] = {"bases": {"m": Path("m")}, "data": Path("d"), "token": TOKEN}
    return ServeSettings(**options | changes)


def test_bases_by_name(tmp_path: Path) -> None:
    other = tmp_path / "a=b"
    assert read_bases(["/models/tiny", "big=/models/tiny/", f"x={other}"]) == {
        "tiny": Path("/models/tiny"),
        "big": Path("/models/tiny"),
        "x": other,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["/a/tiny", "/b/tiny"], "two bases are named tiny"),
        (["/models/a b"], "'a b' is no name"),
        (["a:b=/models/x"], "'a:b' is no name"),
        (["=/models/x"], "'' is no name"),
    ],
)
def test_names_that_are_none(given: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_bases(given)


def test_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGKIT_SERVE_TOKEN", raising=False)
    one, new = read_token(None)
    assert new
    assert len(one) > 40
    assert read_token(None) != (one, True)
    monkeypatch.setenv("RAGKIT_SERVE_TOKEN", TOKEN)
    assert read_token(None) == (TOKEN, False)
    file = tmp_path / "token"
    file.write_text("another-token-of-a-file\n")
    file.chmod(0o600)
    assert read_token(str(file)) == ("another-token-of-a-file", False)


@pytest.mark.parametrize(
    "token", ["short", "a" * 15, "with space in between", "ünïcode-token-longer"]
)
def test_a_token_that_is_none_is_not_repeated(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_SERVE_TOKEN", token)
    with pytest.raises(ConfigError) as caught:
        read_token(None)
    assert token not in str(caught.value)
    with pytest.raises(ConfigError):
        settings(token=token)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_token_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(str(file))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(str(tmp_path / "none"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.2", "example.com"])
def test_other_machines_are_let_in_only_if_told(host: str) -> None:
    with pytest.raises(ConfigError, match="--allow-remote"):
        settings(host=host)
    assert settings(host=host, remote=True).host == host


def test_the_loopback_needs_no_leave() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert settings(host=host).host == host
    assert "localhost" in host_names("127.0.0.1", remote=False)


def test_no_model_to_serve() -> None:
    with pytest.raises(ConfigError, match="--base PATH"):
        settings(bases={})


def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None if name == "uvicorn" else name)
    with pytest.raises(MissingExtraError, match=r"no uvicorn.*ragkit\[serve\]"):
        server.check_installed()


def test_a_folder_that_is_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_SERVE_TOKEN", TOKEN)
    command = ["tune", "serve", "--base", str(tmp_path), "--data", str(tmp_path / "d")]
    assert run(command) == 2
    assert "holds no config.json" in capsys.readouterr().err


def test_two_servers_on_one_folder(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_SERVE_TOKEN", TOKEN)
    with in_thread(base, tmp_path / "data", begin=FakeTrainer()):
        assert run(["tune", "serve", "--base", str(base), "--data", str(tmp_path / "data")]) == 1
    assert "another server uses" in capsys.readouterr().err


def test_a_port_that_is_taken(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_SERVE_TOKEN", TOKEN)
    with in_thread(base, tmp_path / "data", begin=FakeTrainer()) as url:
        port = url.rpartition(":")[2].removesuffix("/v1")
        command = ["tune", "serve", "--base", str(base), "--data", str(tmp_path / "other")]
        assert run([*command, "--port", port]) == 2
    assert "cannot be listened on" in capsys.readouterr().err


def test_a_ledger_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(StorageError, match="cannot be opened"):
        Ledger(tmp_path / "ledger.db")


def test_a_change_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    one = StoredFile(id="file-1", created_at=1, size_bytes=1, filename="a.jsonl")

    def half() -> None:
        with ledger.together():
            ledger.add(one)
            with ledger.together():
                ledger.drop(StoredFile, "file-0")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert ledger.all(StoredFile) == ()
    ledger.add(one)
    ledger.close()
    again = Ledger(tmp_path / "ledger.db")
    assert again.get(StoredFile, "file-1") == one
    again.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_loses_nothing(base: Path, tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log.txt"
    with ServerProcess(base, data, log) as first, client(first.url) as api:
        file = api.files.create(file=("voice.jsonl", examples(20, ANSWER)), purpose="fine-tune")
        job = api.fine_tuning.jobs.create(
            model="tiny",
            training_file=file.id,
            seed=3,
            hyperparameters={"n_epochs": 40, "batch_size": 4, "learning_rate_multiplier": 30.0},
        )
        until(lambda: "Checkpoint created" in str(messages(api, job.id)), timeout_s=300)
        first.kill()
    with ServerProcess(base, data, log) as second, client(second.url) as api:
        assert api.files.content(file.id).content == examples(20, ANSWER)
        done = ended(api, job.id, timeout_s=300)
        assert (done.status, done.error) == ("succeeded", None)
        resumed = "The server was restarted; training goes on from the last checkpoint"
        assert resumed in [event.message for event in api.fine_tuning.jobs.list_events(job.id)]
        assert done.fine_tuned_model is not None
        assert says(api, done.fine_tuned_model) == SAID
        table = api.files.content(done.result_files[0]).text.splitlines()
        assert [int(line.split(",")[0]) for line in table[1:]] == list(range(1, 201))
        waiting = api.fine_tuning.jobs.create(
            model="tiny", training_file=file.id, hyperparameters={"n_epochs": 50}
        )
        until(lambda: "Step 1/" in str(messages(api, waiting.id)), timeout_s=300)
        assert api.fine_tuning.jobs.cancel(waiting.id).status == "cancelled"
    assert "Traceback" not in log.read_text()
