"""Who may ask and how: tokens, hosts, sizes, types; every refusal in OpenAI's shape."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import AuthenticationError, OpenAI

from tests.support.tune_server import TOKEN, client

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}


def ask(
    url: str, method: str, path: str, body: Any = None, **headers: Any
) -> tuple[int, dict[str, str], Any]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 0, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, sent)
    response = connection.getresponse()
    said = response.read()
    connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    return response.status, found, json.loads(said) if said else None


def check_shape(said: Any) -> dict[str, Any]:
    assert set(said) == {"error"}
    error: dict[str, Any] = said["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_a_wrong_token(url: str) -> None:
    with (
        client(url, token="another-token-of-tests") as api,
        pytest.raises(AuthenticationError) as caught,
    ):
        api.models.list()
    assert caught.value.code == "invalid_api_key"
    assert "another-token" not in str(caught.value)


@pytest.mark.parametrize("said", ["", "Bearer ", "Basic abc", TOKEN])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/", "/docs", "/openapi.json"])
def test_nothing_is_told_without_a_token(url: str, said: str, path: str) -> None:
    status, headers, body = ask(url, "GET", path, Authorization=said)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert check_shape(body)["message"].startswith("You didn't provide an API key")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8321", "", "[", "127.0.0.1.evil"])
def test_a_name_that_was_made_to_point_here(url: str, host: str) -> None:
    status, _, body = ask(url, "GET", "/v1/models", Host=host, **AUTHORIZED)
    if status == 400 and body is None:
        return
    assert (status, check_shape(body)["code"]) == (403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:8321"])
def test_the_names_of_this_machine(url: str, host: str) -> None:
    assert ask(url, "GET", "/v1/models", Host=host, **AUTHORIZED)[0] == 200


def test_no_page_of_another_site_is_let_in(url: str) -> None:
    headers = AUTHORIZED | {"Origin": "https://evil.example"}
    status, found, _ = ask(url, "GET", "/v1/models", **headers)
    assert status == 200
    assert not [name for name in found if name.startswith("access-control")]
    assert found["cache-control"] == "no-store"
    assert found["x-request-id"].startswith("req_")
    asked = {"Access_Control_Request_Method": "POST", "Origin": "https://evil.example"}
    assert ask(url, "OPTIONS", "/v1/models", **asked)[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model": "tiny", "model',
        b'{"messages": NaN}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/fine_tuning/jobs"])
def test_malformed_json(url: str, path: str, body: bytes) -> None:
    status, _, said = ask(url, "POST", path, body, **AUTHORIZED, **JSON)
    assert status == 400
    assert check_shape(said)["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"{}"])
def test_json_that_is_no_request(url: str, body: bytes) -> None:
    status, _, said = ask(url, "POST", "/v1/fine_tuning/jobs", body, **AUTHORIZED, **JSON)
    assert status == 400
    check_shape(said)


def test_another_type_of_body(url: str) -> None:
    path = "/v1/chat/completions"
    status, _, said = ask(url, "POST", path, b"{}", Content_Type="text/plain", **AUTHORIZED)
    assert (status, check_shape(said)["code"]) == (415, "unsupported_content_type")
    assert ask(url, "POST", "/v1/files", b"{}", **AUTHORIZED, **JSON)[0] == 415


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data;b=\xe9"]
)
def test_a_malformed_form(url: str, kind: str) -> None:
    status, _, said = ask(url, "POST", "/v1/files", b"nonsense", Content_Type=kind, **AUTHORIZED)
    assert status == 400
    check_shape(said)


def test_a_body_that_is_too_long(url: str) -> None:
    length = str(9 << 20)
    status, _, said = ask(
        url, "POST", "/v1/chat/completions", b"{}", Content_Length=length, **AUTHORIZED, **JSON
    )
    assert (status, check_shape(said)["code"]) == (413, "request_too_large")


def test_a_body_that_does_not_say_how_long_it_is(url: str) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 0, timeout=30)
    pieces = iter([b" " * (1 << 20)] * 8 + [b"x"])  # one byte too many
    headers = AUTHORIZED | JSON
    connection.request("POST", "/v1/chat/completions", pieces, headers)
    response = connection.getresponse()
    assert response.status == 413
    check_shape(json.loads(response.read()))
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/files/", 404),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("PUT", "/v1/files", 405),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/fine_tuning/jobs/x", 405),
    ],
)
def test_a_place_that_is_not_there(url: str, method: str, path: str, status: int) -> None:
    found, _, said = ask(url, method, path, **AUTHORIZED)
    assert found == status
    assert path in check_shape(said)["message"]


def test_what_breaks_inside_is_no_traceback(
    api: OpenAI,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("ragkit.tune.serve.shelf.Shelf.listed", broken)
    status, headers, said = ask(url, "GET", "/v1/models", **AUTHORIZED)
    assert (status, check_shape(said)["type"]) == (500, "server_error")
    assert "secret" not in str(said)
    assert headers["x-request-id"]
    err = capfd.readouterr().err
    assert "ragkit: GET /v1/models failed: RuntimeError: secret of the inside" in err
    assert "Traceback" not in err
