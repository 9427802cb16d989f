"""The routes, and nothing that they stand for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import randbits
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from ragkit.tune.serve.body import ChatBody, JobBody, read
from ragkit.tune.serve.completion import Completion, completion
from ragkit.tune.serve.fault import Fault, invalid, no_file, no_job, short, too_large
from ragkit.tune.serve.ledger import Ledger, Page, UnknownCursorError
from ragkit.tune.serve.record import Checkpoint, Job, JobEvent, Record, StoredFile
from ragkit.tune.serve.shelf import Shelf
from ragkit.tune.serve.vault import Vault, new_id
from ragkit.tune.serve.worker import Worker
from ragkit_ingest.errors import RagkitError

_WAITING = 32
_SWEEP_S = 600
_GONE = 499
"""The status of an answer that nobody waits for any more; it is only logged."""
_HOUR, _MONTH = 3600, 30 * 86400
_METADATA = re.compile(r"metadata\[(.*)\]", re.DOTALL)

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes use.

    Attributes:
        ledger: What is remembered.
        vault: Files.
        worker: Jobs.
        shelf: Models.
        upload_bytes: Most bytes of a file.
    """

    ledger: Ledger
    vault: Vault
    worker: Worker
    shelf: Shelf
    upload_bytes: int


def make(parts: Parts) -> FastAPI:
    """Return the application; it starts the worker, and closes it at the end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        parts.worker.start()
        sweeping = asyncio.create_task(_sweep(parts.vault))
        yield
        sweeping.cancel()
        await run_in_threadpool(parts.worker.close)

    app = FastAPI(
        lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.add_exception_handler(Fault, _fault)
    app.add_exception_handler(RagkitError, _failed)
    app.add_exception_handler(HTTPException, _wrong_place)
    app.add_exception_handler(Exception, _broken)
    _add_files(app, parts)
    _add_jobs(app, parts)
    _add_history(app, parts)
    _add_models(app, parts)
    _add_chat(app, parts)
    return app


async def _sweep(vault: Vault) -> None:
    """Delete files soon after they expire, though nobody asks for any."""
    while True:
        await run_in_threadpool(vault.expire)
        await asyncio.sleep(_SWEEP_S)


# -- files ---------------------------------------------------------------------------------------


def _add_files(app: FastAPI, parts: Parts) -> None:
    vault = parts.vault

    def known(name: str) -> StoredFile:
        stored = vault.get(name)
        if stored is None:
            raise no_file(name)
        return stored

    @app.post("/v1/files")
    async def upload(request: Request) -> Response:
        async with request.form(max_files=1, max_fields=8, max_part_size=4096) as form:
            file, expires_after_s = _form(form, parts.upload_bytes)
            stored = await run_in_threadpool(
                vault.put,
                file.file,
                filename=short(Path(file.filename or "").name),
                expires_after_s=expires_after_s,
            )
        return JSONResponse(stored.to_json())

    @app.get("/v1/files")
    def files(request: Request) -> Response:
        purpose = request.query_params.get("purpose")
        page = _page(
            parts.ledger,
            StoredFile,
            request,
            default=10_000,
            most=10_000,
            oldest_first=_choice(request, "order", ("desc", "asc")) == "asc",
            keep=lambda stored: purpose in (None, stored.purpose) and vault.there(stored),
        )
        return JSONResponse(_listed(page))

    @app.get("/v1/files/{name}")
    def file(name: str) -> Response:
        return JSONResponse(known(name).to_json())

    @app.get("/v1/files/{name}/content")
    def content(name: str) -> Response:
        stored = known(name)
        return FileResponse(vault.path(stored), media_type="application/octet-stream")

    @app.delete("/v1/files/{name}")
    def delete(name: str) -> Response:
        vault.drop(known(name))
        return JSONResponse({"id": name, "object": "file", "deleted": True})


def _form(form: FormData, upload_bytes: int) -> tuple[UploadFile, int | None]:
    """Return the file of a form, and after how many seconds it expires."""
    file, purpose = form.get("file"), form.get("purpose")
    if not isinstance(file, UploadFile):
        raise invalid("file", "Missing required parameter: 'file'.", "missing_required_parameter")
    if purpose is None:
        raise invalid(
            "purpose", "Missing required parameter: 'purpose'.", "missing_required_parameter"
        )
    if purpose != "fine-tune":
        said = short(str(purpose))
        raise invalid("purpose", f"'{said}' is not one of ['fine-tune'] - 'purpose'")
    if not (file.filename or "").lower().endswith(".jsonl"):
        raise invalid(
            "file",
            f"Invalid file format for Fine-Tuning API. Must be .jsonl, not "
            f"'{short(file.filename or '')}'.",
            "invalid_file_format",
        )
    if file.size == 0:
        raise invalid("file", "File is empty.", "empty_file")
    if (file.size or 0) > upload_bytes:
        raise too_large(upload_bytes)
    return file, _expiry(form)


def _expiry(form: FormData) -> int | None:
    anchor, seconds = form.get("expires_after[anchor]"), form.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise invalid(
            "expires_after.anchor", "Invalid 'expires_after.anchor': it must be 'created_at'."
        )
    text = str(seconds)
    if not (text.isdecimal() and text.isascii() and _HOUR <= int(text[:9]) <= _MONTH):
        raise invalid(
            "expires_after.seconds",
            f"Invalid 'expires_after.seconds': it must be a whole number from {_HOUR} to {_MONTH}.",
        )
    return int(text)


# -- jobs ----------------------------------------------------------------------------------------


def _add_jobs(app: FastAPI, parts: Parts) -> None:
    ledger, worker = parts.ledger, parts.worker

    @app.post("/v1/fine_tuning/jobs")
    async def create(request: Request) -> Response:
        body = read(JobBody, await request.body())
        job = _job(body, parts)
        await run_in_threadpool(worker.submit, job)
        return JSONResponse(job.to_json())

    @app.get("/v1/fine_tuning/jobs")
    def jobs(request: Request) -> Response:
        page = _page(ledger, Job, request, default=20, most=100, keep=_metadata_filter(request))
        return JSONResponse(_listed(page))

    @app.get("/v1/fine_tuning/jobs/{name}")
    def job(name: str) -> Response:
        return JSONResponse(_known_job(ledger, name).to_json())

    @app.post("/v1/fine_tuning/jobs/{name}/cancel")
    def cancel(name: str) -> Response:
        return JSONResponse(worker.cancel(name).to_json())

    @app.post("/v1/fine_tuning/jobs/{name}/pause")
    def pause(name: str) -> Response:
        return JSONResponse(worker.pause(name).to_json())

    @app.post("/v1/fine_tuning/jobs/{name}/resume")
    def resume(name: str) -> Response:
        return JSONResponse(worker.resume(name).to_json())


def _add_history(app: FastAPI, parts: Parts) -> None:
    ledger = parts.ledger

    @app.get("/v1/fine_tuning/jobs/{name}/events")
    def events(name: str, request: Request) -> Response:
        owner = _known_job(ledger, name).id
        return JSONResponse(
            _listed(_page(ledger, JobEvent, request, owner=owner, default=20, most=100))
        )

    @app.get("/v1/fine_tuning/jobs/{name}/checkpoints")
    def checkpoints(name: str, request: Request) -> Response:
        owner = _known_job(ledger, name).id
        return JSONResponse(
            _listed(_page(ledger, Checkpoint, request, owner=owner, default=10, most=100))
        )


def _known_job(ledger: Ledger, name: str) -> Job:
    job = ledger.get(Job, name)
    if job is None:
        raise no_job(name)
    return job


def _job(body: JobBody, parts: Parts) -> Job:
    """Return the job that is asked for."""
    body.check()
    if body.model not in parts.shelf.bases:
        raise Fault(
            400,
            f"Model {short(body.model)} is not available for fine-tuning or does not exist.",
            param="model",
            code="model_not_available",
        )
    for param in ("training_file", "validation_file"):
        name = getattr(body, param)
        stored = parts.vault.get(name) if name else None
        if name and (stored is None or stored.purpose != "fine-tune"):
            raise invalid(param, f"invalid {param}: {short(name)}", f"invalid_{param}")
    if body.validation_file and body.validation_file == body.training_file:
        raise invalid("validation_file", "The validation file is the training file; give another.")
    return Job(
        id=new_id("ftjob-"),
        created_at=parts.vault.now(),
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file or None,
        hyperparameters=body.wanted().model_dump(),
        suffix=body.suffix or "",
        seed=randbits(31) if body.seed is None else body.seed,
        metadata=body.metadata,
    )


def _metadata_filter(request: Request) -> Callable[[Job], bool]:
    """Return which jobs the query asks for: `metadata[key]=value`, or `metadata=null`."""
    wanted: Mapping[str, str] = {
        match[1]: value
        for name, value in request.query_params.multi_items()
        if (match := _METADATA.fullmatch(name))
    }
    if request.query_params.get("metadata") == "null":
        return lambda job: job.metadata is None
    return lambda job: wanted.items() <= (job.metadata or {}).items()


# -- models and chat -----------------------------------------------------------------------------


def _add_models(app: FastAPI, parts: Parts) -> None:
    shelf = parts.shelf

    @app.get("/v1/models")
    def models() -> Response:
        return JSONResponse({"object": "list", "data": shelf.listed()})

    @app.get("/v1/models/{name}")
    def model(name: str) -> Response:
        return JSONResponse(shelf.described(name))

    @app.delete("/v1/models/{name}")
    def delete(name: str) -> Response:
        shelf.delete(name)
        return JSONResponse({"id": name, "object": "model", "deleted": True})


def _add_chat(app: FastAPI, parts: Parts) -> None:
    waiting = 0

    @contextmanager
    def turn() -> Iterator[None]:
        nonlocal waiting
        if waiting >= _WAITING:
            raise Fault(
                429,
                f"{_WAITING} requests wait for an answer already; try again later.",
                code="rate_limit_exceeded",
                headers={"Retry-After": "5"},
            )
        waiting += 1
        try:
            yield
        finally:
            waiting -= 1

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = read(ChatBody, await request.body())
        async with AsyncExitStack() as stack:
            stack.enter_context(turn())
            opened = await run_in_threadpool(parts.shelf.opened, body.model)
            answer = await run_in_threadpool(completion, body, opened)
            if not body.stream:
                return await _unless_gone(request, answer)
            pieces = answer.pieces()
            stack.push_async_callback(pieces.aclose)
            first = await anext(pieces, None)  # what fails before it is an error's status
            return _Stream(answer.stream(first, pieces), stack.pop_all())
        raise AssertionError("a turn swallows no error")


class _Stream(StreamingResponse):
    """A stream of events that gives back what it holds, whether it was read or not."""

    def __init__(self, events: AsyncGenerator[str], held: AsyncExitStack) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


async def _unless_gone(request: Request, answer: Completion) -> Response:
    """Return the answer in one piece; stop writing if the client leaves."""
    writing = asyncio.ensure_future(answer.whole())
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        return JSONResponse(await writing) if writing.done() else Response(status_code=_GONE)
    finally:
        for task in (writing, leaving):
            task.cancel()
        await asyncio.gather(writing, leaving, return_exceptions=True)


# -- lists and errors ----------------------------------------------------------------------------


def _page(
    ledger: Ledger,
    kind: type[R],
    request: Request,
    *,
    default: int,
    most: int,
    owner: str = "",
    oldest_first: bool = False,
    keep: Callable[[R], bool] = lambda _: True,
) -> Page[R]:
    """Return the part of a list that the query asks for, newest first unless told otherwise."""
    said = request.query_params.get("limit", str(default))
    if not (said.isascii() and said.isdecimal() and 1 <= int(said[:9]) <= most):
        raise invalid(
            "limit",
            f"Invalid 'limit': it must be a whole number from 1 to {most}.",
            "invalid_value",
        )
    after = request.query_params.get("after") or None
    try:
        return ledger.page(
            kind,
            owner=owner,
            after=after,
            limit=int(said),
            oldest_first=oldest_first,
            keep=keep,
        )
    except UnknownCursorError:
        raise invalid(
            "after", f"Invalid 'after': the list does not hold '{short(after or '')}'."
        ) from None


def _choice(request: Request, name: str, values: tuple[str, ...]) -> str:
    said = request.query_params.get(name, values[0])
    if said not in values:
        raise invalid(name, f"Invalid '{name}': it must be one of {', '.join(values)}.")
    return said


def _listed(page: Page[Any]) -> dict[str, Any]:
    data = [record.to_json() for record in page.records]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": page.has_more,
    }


async def _fault(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, Fault)
    return JSONResponse(exc.to_json(), exc.status, headers=exc.headers)


async def _wrong_place(request: Request, exc: Exception) -> Response:
    """Answer what the routes know nothing of."""
    assert isinstance(exc, HTTPException)
    where = f"{request.method} {short(request.url.path)}"
    if exc.status_code == 404:
        fault = Fault(404, f"Invalid URL ({where})")
    elif exc.status_code == 405:
        fault = Fault(405, f"Not allowed to {where}", code="method_not_supported")
    else:
        fault = Fault(exc.status_code, short(str(exc.detail)))
    return JSONResponse(fault.to_json(), fault.status, headers=exc.headers)


async def _failed(_: Request, exc: Exception) -> Response:
    """Answer what a model or the disk failed at, in its own words."""
    fault = Fault(500, str(exc))
    return JSONResponse(fault.to_json(), fault.status)


async def _broken(_: Request, exc: Exception) -> Response:
    """Leave it to the guard, which notes what broke before it answers."""
    raise exc
