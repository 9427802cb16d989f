"""Hosted tuning against our own endpoint, with a network that loses answers and a clock of ours."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.tune.hosted import OPENAI, HostedResult, HostedSettings, HostedTuning
from ragkit.tune.hosted_state import HostedState, Run
from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.errors import ConfigError, StorageError, TuneError, UsageError
from tests.support.tune_server import TOKEN, FakeTrainer, Faults, client, examples, in_thread

UPLOAD, CREATE = "POST /v1/files", "POST /v1/fine_tuning/jobs"


class Service:
    """Our endpoint, what goes wrong on the way to it, and what was told of it."""

    def __init__(self, url: str, faults: Faults, trainer: FakeTrainer, data: Path) -> None:
        self.url = url
        self.faults = faults
        self.trainer = trainer
        self.data = data
        self.notes: list[str] = []
        self.slept: list[float] = []
        self.made: list[HostedTuning] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def tuning(self, **changes: Any) -> HostedTuning:
        options: dict[str, Any] = {"data": self.data, "model": "tiny", "url": self.url}
        options |= {"poll_s": 0.011, "backoff": Backoff(tries=3, first_s=0.012)}
        self.made.append(
            HostedTuning(
                HostedSettings(**options | changes), on_note=self.notes.append, sleep=self.sleep
            )
        )
        return self.made[-1]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()
        time.sleep(min(seconds, 0.02))

    def run(self, **changes: Any) -> HostedResult:
        return self.tuning(**changes).run()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.jsonl").write_bytes(examples())
    (folder / "held_out.jsonl").write_bytes(examples(3))
    return folder


@pytest.fixture
def service(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    faults, trainer = Faults(), FakeTrainer()
    with in_thread(base, tmp_path / "server", begin=trainer, around=faults.around) as url:
        made = Service(url, faults, trainer, data)
        yield made
        for tuning in made.made:
            tuning.close()


def jobs(service: Service) -> list[Any]:
    with client(service.url) as api:
        return list(api.fine_tuning.jobs.list())


def test_from_the_set_to_the_model(service: Service) -> None:
    result = service.run(suffix="voice", epochs=2)
    assert result.model.startswith("ft:tiny:ragkit:voice:")
    assert result.options == f"--generator openai:{result.model} --generator-url {service.url}"
    assert (result.trained_tokens, len(result.checkpoints)) == (1234, 1)
    told = "\n".join(service.notes)
    assert told.index("Created fine-tuning job") < told.index("Step 1/3") < told.index("completed")
    assert TOKEN not in told
    (job,) = jobs(service)
    assert (job.hyperparameters.n_epochs, job.id) == (2, result.job)
    with client(service.url) as api:
        uploads = list(api.files.list(purpose="fine-tune"))
        assert {file.expires_at - file.created_at for file in uploads} == {7 * 86400}  # type: ignore[operator]
        assert api.files.content(job.training_file).content == examples()
        assert api.files.content(job.validation_file).content == examples(3)


def test_again_it_is_the_same_job(service: Service) -> None:
    first = service.run()
    assert service.run() == first
    assert (service.faults.count(UPLOAD), service.faults.count(CREATE)) == (2, 1)
    assert sum("Step 1/3" in note for note in service.notes) == 1


def test_what_was_forgotten_is_found_at_the_service(service: Service) -> None:
    """As after a kill between an answer and its note."""
    first = service.run()
    (service.data / "hosted.json").unlink()
    assert service.run() == first
    assert (service.faults.count(UPLOAD), service.faults.count(CREATE)) == (2, 1)


def test_killed_between_upload_and_job(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(HostedTuning, "_create", killed)
        with pytest.raises(Killed):
            service.run()
    held = json.loads((service.data / "hosted.json").read_text())
    assert [run["job"] for run in held.values()] == [""]
    service.run()
    assert (service.faults.count(UPLOAD), service.faults.count(CREATE)) == (2, 1)


@pytest.mark.parametrize("what", [UPLOAD, CREATE])
def test_an_answer_that_is_lost_creates_nothing_twice(service: Service, what: str) -> None:
    service.faults.next = [(what, "lost")]
    service.run()
    assert len(jobs(service)) == 1
    with client(service.url) as api:
        assert len(list(api.files.list(purpose="fine-tune"))) == 2


def test_other_settings_are_another_job_with_the_same_files(service: Service) -> None:
    one, two = service.run(), service.run(suffix="b")
    assert one.job != two.job
    assert (service.faults.count(UPLOAD), service.faults.count(CREATE)) == (2, 2)
    (service.data / "train.jsonl").write_bytes(examples(answer="No."))
    assert service.run().job not in {one.job, two.job}
    assert (service.faults.count(UPLOAD), service.faults.count(CREATE)) == (3, 3)


def test_ctrl_c_leaves_the_job_running(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = service.trainer.hold()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(service, "meanwhile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            service.run()
    (job,) = jobs(service)
    assert job.status in {"validating_files", "queued", "running"}
    assert f"--follow {job.id}" in service.notes[-1]
    assert f"--cancel {job.id}" in service.notes[-1]
    gate.set()
    assert service.run().job == job.id
    assert service.faults.count(CREATE) == 1


def test_a_job_is_followed_by_its_name(service: Service) -> None:
    result = service.run()
    (service.data / "hosted.json").unlink()
    followed = service.tuning(model="any")
    assert followed.resume(result.job).model == result.model
    with pytest.raises(TuneError, match="404"):
        followed.resume("ftjob-none")


def test_the_service_says_when_to_ask_again(service: Service) -> None:
    service.faults.headers = [(b"retry-after", b"7")]
    service.faults.next = [(CREATE, 429), (CREATE, 503)]
    service.run()
    assert service.slept.count(7.0) == 2
    assert any("answered 429 (so it is)" in note and "7 s" in note for note in service.notes)


def test_a_service_that_keeps_failing(service: Service) -> None:
    service.faults.next = [(UPLOAD, 500)] * 3
    with pytest.raises(TuneError, match=r"answered 500 .*\(3 tries\)"):
        service.run()
    assert jobs(service) == []
    service.run()
    assert len(jobs(service)) == 1


@pytest.mark.parametrize(
    ("what", "said"),
    [("away", "redirects are not followed"), ("html", "nothing"), (402, "answered 402")],
)
def test_an_answer_of_another_kind(service: Service, what: str | int, said: str) -> None:
    service.faults.next = [("GET /v1/files", what)]
    if what == "html":  # a page in place of a list: the upload is made, and nothing breaks
        service.run()
        return
    with pytest.raises(TuneError, match=said):
        service.run()
    assert service.faults.count(UPLOAD) == 0


def test_a_wrong_key_is_not_shown(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-another")
    with pytest.raises(TuneError, match=r"check the key in \$OPENAI_API_KEY") as caught:
        service.run()
    assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in "".join(service.notes)


def test_a_job_that_fails_says_why_and_is_not_taken_up(service: Service) -> None:
    service.trainer.error = {"code": "bad_loss", "message": "the loss\nbecame inf", "param": None}
    with pytest.raises(TuneError, match=r"failed: the loss became inf \(bad_loss\)"):
        service.run()
    service.trainer.error = None
    assert service.run().model
    assert service.faults.count(CREATE) == 2


def test_a_job_that_is_cancelled(service: Service) -> None:
    service.trainer.hold()
    asked: list[str] = []

    def cancelling() -> None:
        if not asked:
            asked.append(service.tuning().cancel(jobs(service)[0].id))

    service.meanwhile = cancelling
    with pytest.raises(TuneError, match="was cancelled"):
        service.run()
    assert asked == ["cancelled"]
    with pytest.raises(TuneError, match="already completed"):
        service.tuning().cancel(jobs(service)[0].id)


def test_a_job_that_the_service_forgot_is_made_anew(
    service: Service, base: Path, tmp_path: Path
) -> None:
    first = service.run()
    with in_thread(base, tmp_path / "new", begin=FakeTrainer()) as url:
        held = json.loads((service.data / "hosted.json").read_text())
        key = service.tuning(url=url)._key()
        (run_,) = held.values()
        (service.data / "hosted.json").write_text(json.dumps({key: run_ | {"url": url}}))
        assert service.run(url=url).job != first.job
    assert any("is not known there any more" in note for note in service.notes)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{}\n" * 12, "line 1: messages is missing"), (examples(3), "at least 10"), (b"", "0 ex")],
)
def test_a_file_that_would_be_refused_is_not_sent(
    service: Service, content: bytes, said: str
) -> None:
    (service.data / "train.jsonl").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        service.run()
    assert service.faults.seen == []


def test_what_was_not_agreed_to_is_not_sent(service: Service) -> None:
    tuning = service.tuning()
    plan = tuning.plan()
    (service.data / "train.jsonl").write_bytes(examples(answer="Other."))
    with pytest.raises(TuneError, match="were changed after they were looked at"):
        tuning.run(plan)
    assert service.faults.seen == []


def test_no_training_set(service: Service, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*train\.jsonl"):
        service.run(data=tmp_path / "nowhere")


def test_a_damaged_state_is_no_reason_to_start_anew(service: Service) -> None:
    (service.data / "hosted.json").write_text("{")
    with pytest.raises(TuneError, match="cannot be read"):
        service.run()
    assert service.faults.seen == []


def test_a_state_that_cannot_be_kept_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = HostedState(tmp_path)
    begun = state.put("a", Run(url="http://x", model="m"), job="j1")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"hosted.json cannot be written \(No space.*forgotten"):
        state.put("b", begun)
    assert HostedState(tmp_path).get("a") == begun
    assert HostedState(tmp_path).get("b") is None


def test_one_at_a_time(service: Service) -> None:
    gate = service.trainer.hold()
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(TuneError, match="another process follows") as caught:
            service.tuning().run()
        refused.append(str(caught.value))
        gate.set()

    service.meanwhile = meanwhile
    service.run()
    assert refused


def test_what_is_planned(service: Service) -> None:
    plan = service.tuning(epochs=2, price=3.0).plan()
    assert (plan.here, plan.host, plan.known, plan.notes) == (True, "127.0.0.1", "", ())
    assert (plan.training.examples, plan.epochs) == (12, 2)
    assert plan.size_bytes == len(examples()) + len(examples(3))
    assert plan.tokens == plan.training.tokens.total * 2
    assert plan.cost == pytest.approx(plan.tokens * 3 / 1e6)
    assert service.tuning().plan().cost is None
    assert service.faults.seen == []


def official(data: Path, model: str, today: date, **changes: Any) -> HostedTuning:
    return HostedTuning(HostedSettings(data=data, model=model, **changes), today=lambda: today)


def test_the_official_service(data: Path) -> None:
    plan = official(data, "gpt-4.1-mini-2025-04-14", date(2026, 11, 21)).plan()
    assert (plan.host, plan.here) == ("api.openai.com", False)
    assert plan.cost == pytest.approx(plan.tokens * 5.0 / 1e6)
    assert "in 46 days" in plan.notes[0]
    assert "in 54 days" in plan.notes[1]
    for day, said in [
        (date(2026, 12, 15), "is shut down on 2027-01-14, in 30 days"),
        (date(2027, 1, 6), "takes no new fine-tuning jobs"),
    ]:
        with pytest.raises(TuneError, match=said):
            official(data, "gpt-4.1-mini-2025-04-14", day).plan()


def test_the_official_service_needs_a_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(TuneError, match=r"api\.openai\.com needs a key; set it as \$OPENAI_API"):
        official(data, "gpt-4.1", date(2026, 11, 21)).run()


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": " "},
        {"epochs": 51},
        {"suffix": "a" * 65},
        {"url": "no address"},
        {"url": "https://user:key@host/v1"},
        {"keep_days": 31},
    ],
)
def test_settings_that_cannot_be(data: Path, wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {"data": data, "model": "m", "url": OPENAI}
    with pytest.raises(ConfigError):
        HostedSettings(**options | wrong)


# -- the command line ------------------------------------------------------------------------------


def command(service: Service, *more: str, model: str = "tiny") -> list[str]:
    there = ["--provider", "openai", "--base-url", service.url, "--data", str(service.data)]
    return ["tune", "tone", *there, *(["--model", model] if model else []), *more]


def test_the_command_asks_first(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(service)) == 2
    err = capsys.readouterr().err
    assert "15 examples" in err
    assert "127.0.0.1, this machine" in err
    assert "add --yes" in err
    assert service.faults.seen == []


def test_the_command(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(service, "--yes", "--epochs", "1")) == 0
    out = capsys.readouterr().out
    assert "--generator openai:ft:tiny:ragkit::" in " ".join(out.split())
    assert run(command(service, "--json", "--epochs", "1")) == 0  # known: nothing is sent
    told = json.loads(capsys.readouterr().out)
    assert told["model"].startswith("ft:tiny:ragkit::")
    assert run(command(service, "--follow", told["job"], model="")) == 0
    assert told["model"] in " ".join(capsys.readouterr().out.split())
    assert run(command(service, "--cancel", told["job"], model="")) == 1
    assert "already completed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "b", "--name", "n", "--base-url", "http://x/v1"], "add --provider openai"),
        (["--name", "n"], "give --base PATH"),
        (["--base", "b"], "give --name NAME"),
        (["--provider", "openai"], "as --model NAME"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", "tone", "--data", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err
