"""`ragkit tune tone`: trains an adapter on the house voice, and tries it before it may be used."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragkit.cli.failure import EXIT_GATE
from ragkit.cli.option import IndexOption, JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal
from ragkit.cli.tune_hosted import (
    BaseUrlOption,
    CancelOption,
    FollowOption,
    HostedOptions,
    ModelOption,
    PriceOption,
    Provider,
    SuffixOption,
    YesOption,
    tune_there,
)
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit.tune.adapter import AdapterRecord
    from ragkit.tune.gates import GateReport, GateSettings
    from ragkit.tune.trainer import TrainingEvent, TrainingSettings
    from ragkit.tune.trial import Score, TrialSettings


def tone(
    context: typer.Context,
    data: Annotated[
        str, typer.Option("--data", metavar="DIR", help="What `ragkit tune prepare` wrote.")
    ],
    base: Annotated[
        str, typer.Option("--base", metavar="PATH", help="The model's folder, safetensors only.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the adapter is called.")
    ] = "",
    provider: Annotated[
        Provider, typer.Option("--provider", help="Where it is trained.")
    ] = Provider.LOCAL,
    model: ModelOption = "",
    base_url: BaseUrlOption = None,
    suffix: SuffixOption = "",
    price: PriceOption = None,
    yes: YesOption = False,
    follow: FollowOption = None,
    cancel: CancelOption = None,
    index: IndexOption = None,
    json: JsonOption = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="The folder of adapters. Default: INDEX.adapters, where they are found by name.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with a training that was cut off, or try the gates again."
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Let it be used, named unpromoted, if a gate does not hold."),
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, metavar="N", help="Default: 3; a service chooses."),
    ] = None,
    learning_rate: Annotated[float, typer.Option("--learning-rate", metavar="RATE")] = 2e-4,
    rank: Annotated[int, typer.Option("--rank", min=1, metavar="N")] = 16,
    alpha: Annotated[int, typer.Option("--alpha", min=1, metavar="N")] = 32,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, metavar="N")] = 4,
    max_tokens: Annotated[
        int,
        typer.Option("--max-tokens", min=8, metavar="N", help="Longer examples are left out."),
    ] = 2048,
    patience: Annotated[
        int,
        typer.Option(
            "--patience", min=0, metavar="N", help="Evaluations without a better loss; 0: never."
        ),
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S")] = 0,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="cpu, cuda or mps.", show_default=False)
    ] = "",
    probes: Annotated[
        int, typer.Option("--probes", min=1, metavar="N", help="Most probes of a kind.")
    ] = 40,
    answer_tokens: Annotated[
        int, typer.Option("--answer-tokens", min=1, metavar="N", help="Most of a probe's answer.")
    ] = 200,
    general: Annotated[
        str | None,
        typer.Option(
            "--general",
            metavar="FILE",
            show_default=False,
            help="General dialogues for the retention gate. Default: 32 packaged ones.",
        ),
    ] = None,
    least_context: Annotated[
        float, typer.Option("--least-context", min=0.0, max=1.0, metavar="SHARE")
    ] = 0.5,
    least_abstention: Annotated[
        float, typer.Option("--least-abstention", min=0.0, max=1.0, metavar="SHARE")
    ] = 0.8,
    retention_loss: Annotated[
        float, typer.Option("--retention-loss", metavar="NATS", help="Most that it may rise.")
    ] = 0.1,
    least_tone: Annotated[
        float, typer.Option("--least-tone", metavar="GAIN", help="Least that it must rise.")
    ] = 0.2,
    strict: Annotated[
        bool, typer.Option("--strict", help="The whole interval must hold, not only the value.")
    ] = False,
) -> int | None:
    """Train a LoRA adapter for the tone of answers, then try it: context, abstention and so on.

    Exit code 4 if a gate does not hold: the adapter is there, and is not used. With --provider
    openai a service trains instead: the training set is sent to --base-url.
    """
    session = session_of(context, index=index, json=json)
    hosted = HostedOptions(
        model=model,
        base_url=base_url,
        suffix=suffix,
        price=price,
        yes=yes,
        follow=follow,
        cancel=cancel,
    )
    if provider is Provider.OPENAI:
        tune_there(session.terminal(), Path(data), hosted, epochs=epochs or 0)
        return None
    hosted.check_unused()
    if not (base and name):
        missing = "--base PATH" if not base else "--name NAME"
        raise UsageError(f"give {missing}; or --provider openai for training at a service")
    from ragkit.tune.adapter import adapters_folder, check_name
    from ragkit.tune.gates import GateSettings
    from ragkit.tune.trainer import TrainingSettings
    from ragkit.tune.trial import TrialSettings

    check_name(name)
    adapters = Path(out) if out else adapters_folder(Path(session.index).expanduser().absolute())
    settings = TrainingSettings(
        base=Path(base).expanduser(),
        out=adapters.expanduser() / name,
        epochs=epochs or 3,
        learning_rate=learning_rate,
        rank=rank,
        alpha=alpha,
        batch_size=batch_size,
        max_tokens=max_tokens,
        seed=seed,
        patience=patience,
        device=device,
    )
    gates = GateSettings(
        least_context=least_context,
        least_abstention=least_abstention,
        retention_loss=retention_loss,
        least_tone=least_tone,
        strict=strict,
    )
    trial = TrialSettings(probes=probes, answer_tokens=answer_tokens)
    terminal = session.terminal()
    folder = _data(Path(data))
    _check_begun(settings, name, resume=resume)
    record = _trained(terminal, settings, folder, name)
    report = _tried(terminal, settings, folder, trial, gates, Path(general) if general else None)
    return _kept(terminal, settings, record, report, force=force)


def _data(folder: Path) -> Path:
    from ragkit.tune.example import CHAT
    from ragkit.tune.prepare import MANIFEST

    file = folder / MANIFEST
    try:
        manifest = json_format.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise UsageError(
            f"{folder} holds no {MANIFEST} that can be read, so it is no training set; make one "
            "with `ragkit tune prepare`"
        ) from exc
    if manifest.get("format") != CHAT:
        raise UsageError(
            f"{folder} holds prompts and completions; a chat model is trained on messages, so "
            "prepare it with --format chat"
        )
    return folder


def _check_begun(settings: TrainingSettings, name: str, *, resume: bool) -> None:
    from ragkit.tune.training_folder import finished, interrupted

    if resume:
        return
    if finished(settings.out):
        raise UsageError(
            f"there is an adapter {name} in {settings.out.parent} already; give another --name, "
            "or --resume to try its gates again"
        )
    if interrupted(settings.out):
        raise UsageError(
            f"the training of {name} was cut off; give --resume to go on with it, or remove "
            f"{settings.out}"
        )


def _trained(
    terminal: Terminal, settings: TrainingSettings, data: Path, name: str
) -> AdapterRecord:
    """Return the record of the adapter, trained now or before."""
    from ragkit.tune.adapter import AdapterRecord, load_record, save_record
    from ragkit.tune.fingerprint import adapter_fingerprint, base_fingerprint, weights_sha256
    from ragkit.tune.prepare import MANIFEST
    from ragkit.tune.training_folder import drop_checkpoints, finished

    known = load_record(settings.out)
    done = finished(settings.out)
    if done and known is not None and known.fingerprint:
        return known
    if not done:
        _lay_down(settings, AdapterRecord(name=name, base=settings.base.resolve().name))
    # If it was cut off right behind the training, all but the figures can still be told.
    figures = None if done else _train(terminal, settings, data)
    base = base_fingerprint(settings.base)
    record = AdapterRecord(
        name=name,
        fingerprint=adapter_fingerprint(settings.out, base),
        weights_sha256=weights_sha256(settings.out),
        base=settings.base.resolve().name,
        base_fingerprint=base,
        training={
            "settings": settings.to_json(),
            "result": figures,
            "data": json_format.loads((data / MANIFEST).read_text(encoding="utf-8")),
        },
    )
    save_record(settings.out, record)
    drop_checkpoints(settings.out)
    return record


def _train(terminal: Terminal, settings: TrainingSettings, data: Path) -> dict[str, object]:
    """Train, and return the figures."""
    from ragkit.tune.prepare import HELD_OUT, TRAIN
    from ragkit.tune.trainer import train

    held_out = data / HELD_OUT
    result = train(
        data / TRAIN,
        held_out if held_out.is_file() and held_out.stat().st_size else None,
        settings,
        on_event=_teller(terminal),
    )
    if result.left_out:
        terminal.note(
            f"{result.left_out} examples have more than {settings.max_tokens} tokens and were "
            "left out; --max-tokens takes longer ones."
        )
    return result.to_json()


def _lay_down(settings: TrainingSettings, record: AdapterRecord) -> None:
    """Write the record before there is an adapter, so that one without a verdict is never used."""
    from ragkit.generate.local import check_folder
    from ragkit.tune.adapter import save_record

    check_folder(settings.base, "config.json", "a causal language model")
    save_record(settings.out, record)


def _teller(terminal: Terminal) -> Callable[[TrainingEvent], None]:
    """Return what tells of a training on stderr: every tenth step, and what was held out."""

    def tell(event: TrainingEvent) -> None:
        where = f"step {event.step} of {event.steps}, epoch {event.epoch:.1f}"
        if event.held_out_loss is not None:
            terminal.note(f"{where}: loss {event.loss:.3f}, held out {event.held_out_loss:.3f}")
        elif event.checkpoint is None and event.step % 10 == 0:
            terminal.note(f"{where}: loss {event.loss:.3f}")

    return tell


def _tried(
    terminal: Terminal,
    settings: TrainingSettings,
    data: Path,
    trial: TrialSettings,
    gates: GateSettings,
    general: Path | None,
) -> GateReport:
    from ragkit.cli.progress import counting
    from ragkit.generate.local import LocalChatModel, LocalModelSettings
    from ragkit.tune.example import load_examples
    from ragkit.tune.gates import decide
    from ragkit.tune.prepare import PROBES, TRAIN
    from ragkit.tune.probe import load_probes
    from ragkit.tune.trial import try_adapter
    from ragkit_eval.stats.bootstrap import mean_ci95

    def model(adapter: str) -> LocalChatModel:
        return LocalChatModel(
            LocalModelSettings(
                model=str(settings.base), adapter=adapter, device=settings.device, unpromoted=True
            )
        )

    terminal.note("Trying the adapter.")
    with counting(terminal, "Answering probes") as progress:
        measured = try_adapter(
            model(""),
            model(str(settings.out)),
            load_probes(data / PROBES),
            load_examples(data / TRAIN),
            fit_tone,
            trial,
            general=general,
            progress=progress,
        )
    return decide(measured, gates, interval=mean_ci95)


def fit_tone(house: Sequence[str], base: Sequence[str]) -> Score | str:
    """Return what scores the tone of a text, or why nothing can."""
    from ragkit_eval.voice import fit_voice

    voice = fit_voice(house, base)
    if voice.reliable:
        return voice.score
    if voice.auc is None:
        return (
            f"cannot be told from {voice.samples} house texts and {voice.negatives} of the base; "
            "20 different ones of each are needed"
        )
    return f"cannot be told apart from the base's (AUC {voice.auc:.2f})"


def _kept(
    terminal: Terminal,
    settings: TrainingSettings,
    record: AdapterRecord,
    report: GateReport,
    *,
    force: bool,
) -> int | None:
    from ragkit.tune.adapter import judged, save_record

    record = judged(record, report.to_json(), promoted=report.promoted, forced=force)
    save_record(settings.out, record)
    if terminal.json:
        told: dict[str, Any] = {"adapter": str(settings.out), **record.to_json()}
        terminal.document(told)
    else:
        _show(terminal, settings, record, report)
    return None if record.usable else EXIT_GATE


def _show(
    terminal: Terminal, settings: TrainingSettings, record: AdapterRecord, report: GateReport
) -> None:
    state = "promoted" if record.promoted else "unpromoted" if record.forced else "not promoted"
    terminal.title(f"{record.name}: {state}")
    for gate in report.gates:
        around = "" if gate.interval is None else " ({:.3f} to {:.3f})".format(*gate.interval)
        base = "" if gate.base is None else f"; base {gate.base:.3f}"
        mark = "held" if gate.held else "not held"
        terminal.say(
            f"{gate.name}: {mark}, {gate.said}{around}{base}; {gate.what}, n = {gate.n}",
            indent=2,
            hang=4,
        )
    terminal.say(f"fingerprint {record.fingerprint[:16]}, in {settings.out}")
    if record.usable:
        terminal.say(f"Use it: --generator local:{settings.base}+{record.name}")
    else:
        terminal.say(
            "It is not used unless --resume --force says so. More samples, a larger base or other "
            "shares may help; docs/tuning.md says how the gates are decided."
        )
