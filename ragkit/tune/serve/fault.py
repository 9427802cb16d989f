"""What a request is refused with: a status and an error in OpenAI's shape.

    {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}

Source: the error codes of OpenAI's API reference, and the client's classes of errors by status.
"""

from __future__ import annotations

from collections.abc import Mapping

_TYPES = {429: "rate_limit_error", 500: "server_error", 503: "server_error"}


class Fault(Exception):  # noqa: N818  (it is an answer, and ends no program)
    """A request that is refused.

    Attributes:
        status: Of the answer, 400 or more.
        message: For people.
        param: Which parameter is to blame; None if none is.
        code: For programs; None if there is none.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        return {
            "error": {
                "message": self.message,
                "type": _TYPES.get(self.status, "invalid_request_error"),
                "param": self.param,
                "code": self.code,
            }
        }


def no_key() -> Fault:
    """Return the answer to a request without a token."""
    return Fault(
        401,
        "You didn't provide an API key. Give the token of this server in an Authorization header "
        "using Bearer auth (i.e. Authorization: Bearer TOKEN).",
        headers={"WWW-Authenticate": "Bearer"},
    )


def wrong_key() -> Fault:
    """Return the answer to a request with another token; it is not repeated."""
    return Fault(
        401,
        "Incorrect API key provided. Give the token that this server was started with.",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    )


def no_model(name: str) -> Fault:
    """Return the answer to a request for a model that is not served."""
    return Fault(
        404,
        f"The model `{short(name)}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def no_file(name: str) -> Fault:
    """Return the answer to a request for a file that is not there, or no longer."""
    return Fault(404, f"No such File object: {short(name)}", param="id")


def no_job(name: str) -> Fault:
    """Return the answer to a request for a job that was never created."""
    return Fault(
        404,
        f"Could not find fine tune: {short(name)}",
        param="fine_tune_id",
        code="fine_tune_not_found",
    )


def invalid(param: str | None, message: str, code: str = "invalid_value") -> Fault:
    """Return the answer to a request with a value that cannot be used."""
    return Fault(400, message, param=param, code=code)


def too_large(limit_bytes: int) -> Fault:
    """Return the answer to a body that is longer than the server reads."""
    return Fault(
        413,
        f"The request is too large: this server reads at most {limit_bytes} bytes here.",
        code="request_too_large",
        headers={"Connection": "close"},
    )


def broken() -> Fault:
    """Return the answer when the server itself failed."""
    return Fault(500, "The server had an error while processing your request; see what it logged.")


def short(text: str) -> str:
    """Return what a client sent as an error may repeat it: printable, and not long."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 100 else f"{text[:100]}..."
