"""`ragkit eval judge`: ragas' measures, and a model that compares two arms; only when asked."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import EmbedderOption, JsonOption
from ragkit.cli.session import Session, session_of
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragkit.generate.model import ChatModel
    from ragkit_eval.judges.asking import Asking, Bill, Prices
    from ragkit_eval.judges.judged import Wanted
    from ragkit_ingest.embed.protocol import Embedder

CACHE = "judge-cache"


def judge(
    context: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="The folder of a run, or its report.json.")
    ],
    judge_: Annotated[
        str | None,
        typer.Option(
            "--judge",
            metavar="NAME",
            show_default=False,
            help="The model that judges: openai:MODEL or local:PATH[+ADAPTER].",
        ),
    ] = None,
    judge_url: Annotated[
        str | None,
        typer.Option(
            "--judge-url",
            metavar="URL",
            show_default=False,
            help="The endpoint of openai:MODEL. Questions, answers and passages are sent there.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", metavar="M,N", show_default=False, help="Measures of ragas, by its names."
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--pairs",
            metavar="A:B",
            show_default=False,
            help="Have the judge compare the arms A and B. May be repeated.",
        ),
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms", metavar="A,B", show_default=False, help="Measure these. Default: all."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            show_default=False,
            help='What people say, JSON Lines {"id", "arm", "label"}, a label from 0 to 1.',
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be asked, and what it costs.")
    ] = False,
    price_in: Annotated[
        float,
        typer.Option("--price-in", min=0.0, metavar="P", help="Of a million tokens read."),
    ] = 0.0,
    price_out: Annotated[
        float,
        typer.Option("--price-out", min=0.0, metavar="P", help="Of a million tokens written."),
    ] = 0.0,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask everything anew, and keep nothing.")
    ] = False,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
) -> None:
    """Have ragas' measures and a model judge a run; writes judges.json into its folder.

    Nothing is asked without --judge. Replies are kept in DIR/judge-cache.
    """
    from ragkit.cli.progress import counting
    from ragkit_eval.cache import AnswerCache
    from ragkit_eval.judges.asking import Prices
    from ragkit_eval.judges.calibration import load_labels
    from ragkit_eval.judges.item import items
    from ragkit_eval.judges.judged import judge as judged
    from ragkit_eval.saved import load_run

    session = session_of(context, index=None, json=json, embedder=embedder)
    terminal = session.terminal()
    run = load_run(Path(folder))
    given = load_labels(Path(labels)) if labels else None
    found = items(run, _names(arms))
    everything = items(run)
    wanted = _wanted(_names(metrics), pairs or (), tuple(found), tuple(everything))
    if wanted.asks and not judge_:
        raise UsageError(
            "this needs a model that judges; give --judge openai:MODEL --judge-url URL"
        )
    prices = Prices(read=price_in, written=price_out)
    with ExitStack() as stack:
        asking = None
        if wanted.asks and judge_:
            place = None if no_cache else run.file.with_name(CACHE)
            cache = stack.enter_context(
                closing(AnswerCache(place if place and (place.exists() or not dry_run) else None))
            )
            asking = _asking(judge_, judge_url, cache, dry_run=dry_run, stack=stack)
        ragas = _ragas(wanted, asking, session, stack)
        with counting(terminal, "Counting" if dry_run else "Judging") as progress:
            result = judged(
                everything,
                wanted,
                ragas=ragas,
                asking=asking,
                judge_name=judge_ or "",
                prices=prices,
                labels=given,
                seed=run.seed,
                progress=progress,
            )
    if dry_run:
        _tell_bill(terminal, result.bill, prices, judge_ or "")
        return
    file = result.write(run)
    if terminal.json:
        terminal.document({"out": str(file), **result.section()})
    else:
        from ragkit.cli.eval_judge_view import print_judged

        print_judged(terminal, result, file)
    if result.failed:
        terminal.note("The judge could not be asked at times; run this again.", style="red")
    raise typer.Exit(EXIT_FAILED if result.failed else 0)


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _wanted(
    metrics: Sequence[str], pairs: Sequence[str], arms: tuple[str, ...], every: tuple[str, ...]
) -> Wanted:
    from ragkit_eval.judges.judged import Wanted
    from ragkit_eval.judges.ragas import MEASURES

    known = ", ".join(MEASURES)
    for name in metrics:
        if name not in MEASURES:
            raise UsageError(f"there is no measure {name!r}; those of ragas are {known}")
    if not (metrics or pairs):
        raise UsageError(f"say what to judge: --pairs A:B, or --metrics of {known}")
    found = []
    for text in pairs:
        ways = [
            (text[:place], text[place + 1 :])
            for place, char in enumerate(text)
            if char == ":" and text[:place] in every and text[place + 1 :] in every
        ]
        if len(ways) != 1 or ways[0][0] == ways[0][1]:
            raise UsageError(
                f"--pairs {text!r} names no two arms, as in A:B; the arms are {', '.join(every)}"
            )
        found.append(ways[0])
    return Wanted(measures=tuple(metrics), pairs=tuple(dict.fromkeys(found)), arms=arms)


def _asking(name: str, url: str | None, cache: Any, *, dry_run: bool, stack: ExitStack) -> Asking:
    from dataclasses import replace

    from ragkit.config import Config
    from ragkit.generate.name import EXTRACTIVE
    from ragkit.generate.selection import chat_model
    from ragkit.pipeline import generator_settings
    from ragkit_eval.judges.asking import AskedModel, Estimating

    if name == EXTRACTIVE:
        raise UsageError("extractive writes nothing and cannot judge; give --judge openai:MODEL")
    settings = generator_settings(Config.load())
    address = url or ""
    if name.startswith("openai:") and not address:
        raise UsageError(
            f"the judge {name} needs an address; give --judge-url, such as "
            "http://localhost:11434/v1"
        )
    settings = replace(settings, url=address, temperature=0.0)
    model: ChatModel = chat_model(name, settings)
    close = getattr(model, "close", None)
    if close is not None:
        stack.callback(close)
    decides = {"url": address, "seed": settings.seed}
    return (Estimating if dry_run else AskedModel)(model, cache, decides)


def _ragas(wanted: Wanted, asking: Asking | None, session: Session, stack: ExitStack) -> Any:
    from ragkit_eval.judges.ragas import Ragas

    if not wanted.measures:
        return None
    opened: list[Embedder] = []

    def embedder() -> Embedder:
        if not opened:
            opened.append(stack.enter_context(session.open()).embedder)
        return opened[0]

    make: Callable[..., Any] = Ragas
    return make(asking, embedder)


def _tell_bill(terminal: Terminal, bill: Bill | None, prices: Prices, judge_name: str) -> None:
    if terminal.json:
        held = None if bill is None else bill.to_json(prices)
        terminal.document({"dry_run": True, "judge": judge_name or None, "bill": held})
        return
    if bill is None:
        terminal.say("No model is asked: these measures need none.")
        return
    cost = bill.cost(prices)
    terminal.say(
        f"{one_line(judge_name)} would be asked {bill.calls} times, {bill.cached} replies are kept "
        f"already: about {bill.prompt_tokens:,} tokens to read and {bill.completion_tokens:,} to "
        "write"
    )
    terminal.say(
        "cost: unknown; give --price-in and --price-out"
        if cost is None
        else f"cost: about {cost:.4f} in the currency of the prices"
    )
    terminal.say("Nothing was asked.")
