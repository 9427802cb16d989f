"""What is the same for every OpenAI-compatible endpoint: its address, its key, its failures.

A key comes from an environment variable only and is never shown. Redirects are not followed, so
that texts go to the address that was named and to no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ragkit_ingest.errors import ConfigError, RagkitError

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_ADVICE = {
    401: "check the key in ${key_env}",
    403: "check what the key in ${key_env} may use",
    404: "check the model's name, and that the address ends as the endpoint wants, such as /v1",
    429: "wait, or check the account's limits",
}


class EndpointFailure(Exception):  # noqa: N818  (translated by each client into its own error)
    """A request that failed, told in one sentence.

    Attributes:
        status: Of the answer; 0 if there was none.
        said: The server's own words, on one line, without the key.
        passing: Whether it may go well if it is tried again.
        headers: Of the answer, names in lower case.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        said: str = "",
        passing: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.passing = passing
        self.headers = headers or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests go, and how it is spoken of in errors.

    Attributes:
        url: The base address, such as "http://localhost:11434/v1".
        model: The model's name there.
        key_env: The environment variable that holds the key; a local server needs none.
        timeout_s: Longest silence, in seconds, above 0 and at most 3600.
        kind: "embedder" or "generator": how the settings begin, as in `embedder_url`.
        what: Such as "the embedding endpoint".
        error: The class of the error that an unusable key raises.
        advice: What to do, by status, beside what is always so.
        option: How the address is given; by default the setting, such as `embedder_url`.
    """

    url: str
    model: str
    key_env: str
    timeout_s: float
    kind: str
    what: str
    error: type[RagkitError]
    advice: Mapping[int, str] = field(default_factory=dict)
    option: str = ""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname)
            sound = sound and (parts.port is None or parts.port > 0)
        except ValueError:
            sound = False
        if not sound:
            raise ConfigError(
                f"the {self.kind}'s address is {self.url!r}; give one such as "
                f"http://localhost:11434/v1 as {self.setting}"
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigError(
                f"the {self.kind}'s address at {parts.hostname} holds a user, a query or a "
                f"fragment; give only the address, and the key in ${self.key_env}"
            )
        if not 0 < self.timeout_s <= 3600:
            raise ConfigError(f"timeout_s must be above 0 and at most 3600, not {self.timeout_s}")

    @property
    def setting(self) -> str:
        """How the address is given, as errors name it."""
        return self.option or f"{self.kind}_url"

    @property
    def who(self) -> str:
        """The endpoint as errors name it."""
        return f"{self.what} {self.url} (model {self.model})"

    def key(self) -> str:
        """Return the key, or "" if the variable is not set.

        Raises:
            RagkitError: Of the class `error`, if it holds characters that no key has.
        """
        key = os.environ.get(self.key_env, "").strip()
        if not key.isascii() or not key.isprintable():
            raise self.error(
                f"the key in ${self.key_env} holds characters that no key has; set it again"
            )
        return key

    def client_options(self) -> dict[str, Any]:
        """Return how a client of the openai library is made, but for its `http_client`."""
        return {
            "base_url": self.url,
            "api_key": self.key() or "none",
            "max_retries": 0,
            "timeout": self.timeout_s,
        }

    def request_options(self) -> dict[str, Any]:
        """Return what goes with each request: without a key, no header that would hold one."""
        from openai import Omit

        return {} if self.key() else {"extra_headers": {"Authorization": Omit()}}

    def harmless(self, text: str) -> str:
        """Return a server's words on one line, short, and without the key."""
        key = os.environ.get(self.key_env, "").strip()
        if key:
            text = text.replace(key, "[key]")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= 200 else f"{text[:200]}..."

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the errors of the openai library into an `EndpointFailure`."""
        import openai

        try:
            yield
        except openai.APIStatusError as exc:
            raise self._refusal(exc) from exc
        except openai.APITimeoutError as exc:
            raise EndpointFailure(
                f"{self.who} did not answer within {self.timeout_s:g} s; check that "
                "the server is not overloaded",
                passing=True,
            ) from exc
        except openai.APIConnectionError as exc:
            reason = self.harmless(str(exc.__cause__ or exc))
            raise EndpointFailure(
                f"{self.who} cannot be reached or broke the connection ({reason}); check that "
                f"the server runs, and {self.setting}",
                passing=True,
            ) from exc
        except openai.APIError as exc:
            said = self.harmless(said_in({"error": getattr(exc, "body", None)}) or str(exc))
            raise EndpointFailure(
                f"{self.who} broke off with an error ({said}); see what the server logged",
                said=said,
                passing=str(getattr(exc, "code", "")) in map(str, _PASSING),
            ) from exc
        except openai.OpenAIError as exc:
            raise EndpointFailure(
                f"{self.who} could not be asked ({self.harmless(str(exc))}); check "
                f"{self.setting} and the key in ${self.key_env}"
            ) from exc

    def _refusal(self, exc: Any) -> EndpointFailure:
        status = int(exc.status_code)
        said = self.harmless(said_in(exc.body) or exc.response.text)
        advice = (_ADVICE | dict(self.advice)).get(status, "see what the server logged")
        advice = advice.replace("{key_env}", self.key_env)
        if 300 <= status < 400:
            advice = "redirects are not followed, so that texts go only where you said: give the "
            advice += f"final address as {self.setting}"
        return EndpointFailure(
            f"{self.who} answered {status}{f' ({said})' if said else ''}; {advice}",
            status=status,
            said=said,
            passing=status in _PASSING and "insufficient_quota" not in str(exc.body),
            headers={name.lower(): value for name, value in exc.response.headers.items()},
        )


def said_in(body: object) -> str:
    """Return the message in an error's body, in the shapes that servers give it."""
    while isinstance(body, dict):
        body = body.get("error", body.get("message", body.get("detail", "")))
    return body if isinstance(body, str) else ""


def check_key_env(setting: str, name: str) -> None:
    """Refuse what is not the name of an environment variable, and may be a key; not shown.

    Raises:
        ConfigError: If it is none.
    """
    if not (name.isascii() and name.isidentifier()):
        raise ConfigError(
            f"{setting} must be the name of an environment variable, not the key itself"
        )
