"""`ragkit tune serve`: an endpoint of OpenAI's shape that tunes and runs local models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal


def serve(
    context: typer.Context,
    base: Annotated[
        list[str],
        typer.Option(
            "--base",
            metavar="[NAME=]PATH",
            help="The folder of a model that may be asked and tuned; may be repeated. Its name is "
            "the folder's, or NAME.",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="DIR", help="The server's folder: files, jobs, tuned models."
        ),
    ],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 for any that is free.")
    ] = 8321,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote", help="Allow an --host that other machines can reach, unencrypted."
        ),
    ] = False,
    token_file: Annotated[
        str | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            show_default=False,
            help="Holds the token that clients must send. Default: $RAGKIT_SERVE_TOKEN, else a "
            "new one, printed once.",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="NAME", help="cpu, cuda or mps; by default the best there is."
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Serve files, fine-tuning jobs and chat as OpenAI's API does, with local models only.

    Ends with Ctrl-C; a job that runs then goes on at the next start.
    """
    from ragkit.tune.serve.server import (
        ServeSettings,
        is_loopback,
        read_bases,
        read_token,
        serve,
    )

    terminal = session_of(context, index=None, json=json).terminal()
    token, new = read_token(token_file)
    settings = ServeSettings(
        bases=read_bases(base),
        data=Path(data),
        token=token,
        host=host,
        port=port,
        remote=allow_remote,
        device=device,
    )
    if not is_loopback(host):
        terminal.note(
            f"ragkit: {host} can be reached from other machines. Texts and the token travel "
            "unencrypted; put a proxy with TLS before it.",
            style="yellow",
        )

    def ready(address: str) -> None:
        if terminal.json:
            told: dict[str, object] = {"url": address, "models": list(settings.bases)}
            terminal.line(payload=told | ({"token": token} if new else {}))
        else:
            _say(terminal, address, list(settings.bases), token if new else "")

    serve(settings, ready=ready)


def _say(terminal: Terminal, address: str, names: list[str], token: str) -> None:
    terminal.say(f"Serving {', '.join(names)} at {address}; Ctrl-C ends it.")
    if token:
        terminal.say("The token, which is not shown again:")
        terminal.say(token, indent=2)
    terminal.say("Clients of OpenAI's API use it with")
    terminal.say(f"OPENAI_BASE_URL={address} OPENAI_API_KEY={token or '(the token)'}", indent=2)
    terminal.flush()
