"""What stands before every request: whom it was meant for, who sends it, and how long it is.

Nothing of a request is looked at before the token is right. There is no CORS: a page in a browser
can neither read an answer nor send the token. A name that was made to point at this machine (DNS
rebinding) is refused by the Host header.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
import sys
import traceback
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.tune.serve.fault import Fault, broken, no_key, short, too_large, wrong_key

_UPLOAD = "/v1/files"
_FORM_BYTES = 1 << 16
"""What a form holds besides its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Who may ask, and how much.

    Attributes:
        token: What a request must carry.
        names: The hosts that requests may be meant for, in lower case, without ports.
        any_address: Whether they may also be meant for any IP address.
        body_bytes: Most bytes of a request.
        upload_bytes: Most bytes of a file.
    """

    token: str
    names: frozenset[str]
    any_address: bool = False
    body_bytes: int = 8 << 20
    upload_bytes: int = 512 << 20


def host_names(host: str, *, remote: bool) -> frozenset[str]:
    """Return the names that a server on this address goes by."""
    names = {host.lower(), "localhost", "127.0.0.1", "::1"}
    if remote:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


class Guard:
    """An ASGI application around another.

    Args:
        app: What answers.
        settings: Who may ask.
    """

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        sending = _Sending(send)
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        try:
            self._check_host(headers)
            self._check_token(headers)
            limit = self._check_length(scope, headers)
            _check_type(scope, headers)
            await self._app(scope, _counted(receive, limit), sending)
        except Fault as fault:
            await _answer(fault, scope, receive, sending)
        except Exception as exc:  # noqa: BLE001  (the border: no traceback reaches a client)
            _note(scope, exc)
            if not sending.begun:
                await _answer(broken(), scope, receive, sending)

    def _check_host(self, headers: dict[str, bytes]) -> None:
        said = headers.get("host", b"").decode("latin-1")
        try:
            name = (urlsplit(f"//{said}").hostname or "").lower()
        except ValueError:
            name = ""
        if name in self._settings.names or (self._settings.any_address and _is_address(name)):
            return
        raise Fault(
            403,
            f"This server is not '{short(said)}': ask it by the address that it printed.",
            code="wrong_host",
        )

    def _check_token(self, headers: dict[str, bytes]) -> None:
        kind, _, token = headers.get("authorization", b"").partition(b" ")
        if kind.lower() != b"bearer" or not token.strip():
            raise no_key()
        if not hmac.compare_digest(token.strip(), self._settings.token.encode()):
            raise wrong_key()

    def _check_length(self, scope: Scope, headers: dict[str, bytes]) -> int:
        """Return the most bytes that the body may have."""
        upload = scope["path"] == _UPLOAD
        limit = self._settings.body_bytes
        if upload:
            limit = self._settings.upload_bytes + _FORM_BYTES
        if int(headers.get("content-length", b"0")) > limit:
            raise too_large(limit)
        return limit


def _check_type(scope: Scope, headers: dict[str, bytes]) -> None:
    """Refuse a body of another type than the place takes."""
    said = headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    has_body = headers.get("content-length", b"0") != b"0" or "transfer-encoding" in headers
    wanted = "multipart/form-data" if scope["path"] == _UPLOAD else "application/json"
    if scope["method"] == "POST" and has_body and said != wanted:
        raise Fault(
            415,
            f"Invalid Content-Type header ({short(said)}), expected {wanted}.",
            code="unsupported_content_type",
        )


class _Sending:
    """Passes an answer on, with headers of ours; knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", f"req_{secrets.token_hex(16)}".encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self._send(message)


def _counted(receive: Receive, limit: int) -> Receive:
    """Return `receive`, which raises once the body is longer than the limit."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise too_large(limit)
        return message

    return counted


async def _answer(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(fault.to_json(), fault.status, headers=fault.headers)
    await response(scope, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _note(scope: Scope, error: Exception) -> None:
    """Say on stderr what went wrong; the traceback only if it was asked for."""
    if os.environ.get("RAGKIT_DEBUG"):
        traceback.print_exception(error)
    said = short(" ".join(str(error).split()))
    print(
        f"ragkit: {scope['method']} {short(scope['path'])} failed: {type(error).__name__}: {said}",
        file=sys.stderr,
        flush=True,
    )
