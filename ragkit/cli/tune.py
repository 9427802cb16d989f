"""`ragkit tune`: fine-tuning for tone, so that it does not break retrieval."""

from __future__ import annotations

import typer

from ragkit.cli import tune_check, tune_embedder, tune_prepare, tune_serve, tune_tone

app = typer.Typer(
    help="Fine-tune for tone, or for finding, and see that nothing broke.",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def every_tuning() -> None:
    """Fine-tune for tone, or for finding, and see that nothing broke."""


app.command("prepare")(tune_prepare.prepare)
app.command("check")(tune_check.check)
app.command("tone")(tune_tone.tone)
app.command("serve")(tune_serve.serve)
app.command("embedder")(tune_embedder.embedder)
