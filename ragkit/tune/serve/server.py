"""Starts the endpoint: its settings, its token, its address."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit_ingest.errors import ConfigError, MissingExtraError, StorageError, TuneError

if TYPE_CHECKING:
    import uvicorn

    from ragkit.tune.serve.guard import Guard
    from ragkit.tune.serve.worker import Begin

TOKEN_ENV = "RAGKIT_SERVE_TOKEN"  # noqa: S105  (the name of a variable)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LEAST_TOKEN = 16
_EXTRAS = {
    "serve": ("fastapi", "python_multipart", "uvicorn"),
    "local-llm": ("jinja2", "peft", "transformers", "accelerate"),
}
_GRACE_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """What is served, and to whom.

    Attributes:
        bases: Folder of each base model by name.
        data: The server's own folder: files, jobs, adapters. Made if it is not there.
        token: What a client must send; 16 printable ASCII characters or more.
        host: The address to listen on.
        port: 0 for any that is free.
        remote: Whether the address may be another than the loopback interface's.
        device: Where models compute; "" for CUDA if present, else the CPU.
        upload_bytes: Most bytes of a file; the hosted service takes 512 MiB.
    """

    bases: Mapping[str, Path]
    data: Path
    token: str
    host: str = "127.0.0.1"
    port: int = 8321
    remote: bool = False
    device: str = ""
    upload_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        if not self.bases:
            raise ConfigError("there is no model to serve; give its folder as --base PATH")
        check_token(self.token, "the token")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be from 0 to 65535, not {self.port}")
        if not self.remote and not is_loopback(self.host):
            raise ConfigError(
                f"{self.host} can be reached from other machines, which could train and ask "
                "models here with the token, over a connection that is not encrypted; listen on "
                "127.0.0.1, or add --allow-remote"
            )


def read_bases(given: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each base by name, given as PATH or NAME=PATH.

    Raises:
        ConfigError: If a name is none or stands twice.
    """
    bases: dict[str, Path] = {}
    for one in given:
        name, equals, path = one.partition("=")
        if not equals or os.sep in name:
            path = one
            name = Path(path).expanduser().resolve().name
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name for a model: it has up to 64 letters, digits, dots, dashes "
                f"and underscores; give one as --base NAME={path}"
            )
        if name in bases:
            raise ConfigError(f"two bases are named {name}; give them names as --base NAME=PATH")
        bases[name] = Path(path).expanduser()
    return bases


def read_token(file: str | None) -> tuple[str, bool]:
    """Return the token of a file, else of the environment, else a new one; and whether it is new.

    Raises:
        ConfigError: If the file cannot be read or can be read by others, or the token is too
            short.
    """
    if file is None:
        said = os.environ.get(TOKEN_ENV, "").strip()
        if said:
            check_token(said, f"the token in ${TOKEN_ENV}")
        return (said, False) if said else (secrets.token_urlsafe(32), True)
    path = Path(file).expanduser()
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the token file {path} cannot be read ({exc})") from exc
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        raise ConfigError(f"others can read the token file {path}; run: chmod 600 {path}")
    check_token(token, f"the token in {path}")
    return token, False


def check_token(token: str, what: str) -> None:
    """Refuse a token that can be guessed, or that no header can hold.

    Raises:
        ConfigError: If it is one; the token is not repeated.
    """
    sound = token.isascii() and token.isprintable() and " " not in token
    if not sound or len(token) < _LEAST_TOKEN:
        raise ConfigError(
            f"{what} has {len(token)} characters or holds some that no header can; give "
            f"{_LEAST_TOKEN} or more ASCII characters without spaces"
        )


def is_loopback(host: str) -> bool:
    """Return whether an address is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def serve(settings: ServeSettings, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; both then act as they do without a server.

    Args:
        settings: What, and to whom.
        ready: Called with the base address once it is listened on.

    Raises:
        MissingExtraError: If a library is not installed.
        ConfigError: If a base is no model, or the address cannot be had.
        TuneError: If another server uses the data folder.
        StorageError: If that folder cannot be used.
    """
    check_installed()
    with assembled(settings) as guard, listening(settings.host, settings.port) as listener:
        ready(address(settings.host, listener))
        runner(guard).run(sockets=[listener])


@contextmanager
def assembled(settings: ServeSettings, *, begin: Begin | None = None) -> Iterator[Guard]:
    """Yield the application, with the data folder held.

    Args:
        settings: What is served, and to whom.
        begin: Starts the processes that check and train; by default real ones.

    Raises:
        ConfigError: If a base is no model.
        TuneError: If another server uses the data folder.
        StorageError: If that folder cannot be used.
    """
    from ragkit.tune.serve.app import Parts, make
    from ragkit.tune.serve.guard import Guard, GuardSettings, host_names
    from ragkit.tune.serve.ledger import Ledger
    from ragkit.tune.serve.process import ChildProcess
    from ragkit.tune.serve.shelf import Shelf
    from ragkit.tune.serve.vault import Vault
    from ragkit.tune.serve.worker import Worker

    data = settings.data.expanduser().resolve()
    with _alone(data), closing(Ledger(data / "ledger.db")) as ledger:
        vault = Vault(data / "files", ledger)
        worker = Worker(
            ledger,
            vault,
            bases=settings.bases,
            folder=data,
            device=settings.device,
            begin=begin or ChildProcess,
        )
        parts = Parts(
            ledger=ledger,
            vault=vault,
            worker=worker,
            shelf=Shelf(settings.bases, ledger, data, device=settings.device),
            upload_bytes=settings.upload_bytes,
        )
        yield Guard(
            make(parts),
            GuardSettings(
                token=settings.token,
                names=host_names(settings.host, remote=settings.remote),
                any_address=settings.remote,
                upload_bytes=settings.upload_bytes,
            ),
        )


def runner(guard: Guard) -> uvicorn.Server:
    """Return what runs the application."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            guard,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def check_installed() -> None:
    """Refuse to start without what is needed later.

    Raises:
        MissingExtraError: If a library is not installed.
    """
    for extra, modules in _EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            raise MissingExtraError(f"ragkit tune serve (no {', '.join(missing)})", extra)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the data folder; the system frees it even if the process is killed."""
    from filelock import FileLock, Timeout

    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(data / "serve.lock", timeout=1, mode=0o600)
        lock.acquire()
    except Timeout as exc:
        raise TuneError(
            f"another server uses {data}; stop it, or give another folder as --data"
        ) from exc
    except OSError as exc:
        raise StorageError(
            f"the folder {data} cannot be used ({exc.strerror or exc}); give another as --data"
        ) from exc
    try:
        yield
    finally:
        lock.release()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket on the address, open for connections.

    Raises:
        ConfigError: If it cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, *_, place = found[0]
        listener = socket.create_server(place, family=family, backlog=128)
    except OSError as exc:
        raise ConfigError(
            f"the address {host} port {port} cannot be listened on "
            f"({exc.strerror or exc}); give another with --host and --port"
        ) from exc
    with listener:
        yield listener


def address(host: str, listener: socket.socket) -> str:
    """Return the base address of a server that listens there."""
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
