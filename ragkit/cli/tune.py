"""`ragkit tune`: fine-tuning for tone, so that it does not break retrieval."""

from __future__ import annotations

import typer

from ragkit.cli import tune_check, tune_embedder, tune_prepare

app = typer.Typer(
    help="Fine-tune a model's tone on samples of the house voice, and see that nothing broke.",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def every_tuning() -> None:
    """Fine-tune a model's tone on samples of the house voice, and see that nothing broke."""


app.command("prepare")(tune_prepare.prepare)
app.command("check")(tune_check.check)
app.command("embedder")(tune_embedder.embedder)
