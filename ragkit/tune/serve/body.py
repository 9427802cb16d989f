"""The bodies of requests: what may stand in them, and the answer to what may not."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from ragkit.tune.serve.fault import Fault, invalid, short

MAX_EPOCHS = 50
MAX_BATCH = 256
_SUFFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_STOPS = 4
_One = Annotated[float, Field(ge=1, le=1)]
_Zero = Annotated[float, Field(ge=0, le=0)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Hyperparameters(_Body):
    """How the model is trained; "auto" leaves it to the server."""

    n_epochs: Literal["auto"] | Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = "auto"
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=MAX_BATCH)] = "auto"
    learning_rate_multiplier: (
        Literal["auto"] | Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    ) = "auto"


class Supervised(_Body):
    """The settings of the supervised method."""

    hyperparameters: Hyperparameters | None = None


class Method(_Body):
    """Which method; this server knows one."""

    type: str
    supervised: Supervised | None = None
    dpo: Any = None
    reinforcement: Any = None


class JobBody(_Body):
    """The body of `POST /v1/fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: str | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: dict[str, str] | None = None
    integrations: list[Any] | None = None

    @field_validator("metadata")
    @classmethod
    def _check_metadata(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        pairs = value or {}
        if len(pairs) > 16:
            raise ValueError(f"at most 16 pairs are kept, not {len(pairs)}")
        if any(len(key) > 64 for key in pairs):
            raise ValueError("a key has at most 64 characters")
        if any(len(text) > 512 for text in pairs.values()):
            raise ValueError("a value has at most 512 characters")
        return value

    def check(self) -> None:
        """Refuse what this server does not do.

        Raises:
            Fault: If there is such a thing.
        """
        if self.suffix and not _SUFFIX.fullmatch(self.suffix):
            raise invalid(
                "suffix",
                "Invalid 'suffix': it is up to 64 letters, digits, dots, dashes and underscores.",
            )
        if self.integrations:
            raise invalid(
                "integrations",
                "This server has no integrations: it sends metrics nowhere. Leave them out, and "
                "read the events or the result file.",
                "unsupported_parameter",
            )
        if self.method is None:
            return
        if self.method.type != "supervised":
            raise invalid(
                "method.type",
                f"The method '{short(self.method.type)}' is not supported: this server trains "
                "with 'supervised'.",
                "unsupported_value",
            )
        if self.hyperparameters is not None:
            raise invalid(
                "hyperparameters",
                "Give hyperparameters once: in 'method', or the older way beside it.",
            )

    def wanted(self) -> Hyperparameters:
        """Return the hyperparameters, wherever they stand."""
        inner = self.method.supervised if self.method else None
        return (inner.hyperparameters if inner else self.hyperparameters) or Hyperparameters()


class Part(_Body):
    """A part of a message's content."""

    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """A message of a dialogue. Images, sounds and tools are not read here."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]
    name: str | None = None

    @property
    def text(self) -> str:
        """The content's text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(_Body):
    """What a stream tells besides the text."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(_Body):
    """The body of `POST /v1/chat/completions`.

    What changes the answer and is not done here is refused, unless it has the value that does
    nothing; what is meant for the hosted service's books alone is passed over.
    """

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None

    n: Literal[1] | None = None
    top_p: _One | None = None
    frequency_penalty: _Zero | None = None
    presence_penalty: _Zero | None = None
    logprobs: Literal[False] | None = None
    response_format: dict[Literal["type"], Literal["text"]] | None = None

    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @field_validator("stop")
    @classmethod
    def _check_stop(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > _STOPS:
            raise ValueError(f"at most {_STOPS} sequences, not {len(value)}")
        return value

    @property
    def stops(self) -> tuple[str, ...]:
        """The sequences that end the answer."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(filter(None, stops))

    @property
    def limit(self) -> int | None:
        """Most tokens of the answer; None if the client does not say."""
        return self.max_completion_tokens or self.max_tokens


B = TypeVar("B", bound=BaseModel)


def read(kind: type[B], payload: bytes) -> B:
    """Return the body of a request.

    Raises:
        Fault: With status 400 if it is no JSON, or not as it should be.
    """
    try:
        return kind.model_validate_json(payload)
    except ValidationError as exc:
        raise _fault(exc.errors(include_url=False, include_input=False)[0]) from None


def _fault(error: ErrorDetails) -> Fault:
    if error["type"] == "json_invalid":
        return Fault(
            400,
            "We could not parse the JSON body of your request. The API expects a JSON payload, "
            f"but what was sent is none ({short(str(error['ctx']['error']))}).",
        )
    param = _named(error)
    if error["type"] == "missing":
        return invalid(
            param, f"Missing required parameter: '{param}'.", "missing_required_parameter"
        )
    if error["type"] == "extra_forbidden":
        return invalid(
            param, f"Unrecognized request argument supplied: {param}", "unknown_parameter"
        )
    said = error["msg"].removeprefix("Value error, ")
    return invalid(param or None, f"Invalid value for '{param or 'body'}': {short(said)}.")


def _named(error: ErrorDetails) -> str:
    """Return the parameter as OpenAI writes it, such as `messages[0].role`."""
    name = ""
    for place in error["loc"]:
        if isinstance(place, int):
            name += f"[{place}]"
        elif _FIELD.fullmatch(place) and place not in _TYPES:
            name += f".{place}" if name else place
        else:  # which of several types was tried, or a key of the client's own
            break
    return name


_FIELD = re.compile(r"[a-z_]{1,40}")
_TYPES = {"str", "int", "float", "bool"}
