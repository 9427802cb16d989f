"""Personal data and secrets: what is found, and what only looks like it."""

from __future__ import annotations

import pytest

from ragkit.tune.personal import personal_data, redacted

KEY = "sk-" + "proj-" + "a1B2" * 8

FOUND = [
    ("e-mail", "write to ann.lee+kettle@mail.example.co.uk, please"),
    ("phone number", "call +44 20 7946 0958 today"),
    ("phone number", "call (030) 901820"),
    ("phone number", "call 030 / 901820 17"),
    ("phone number", "call (212) 555-0187"),
    ("IBAN", "pay to DE89 3704 0044 0532 0130 00 now"),
    ("IBAN", "GB82WEST12345698765432"),
    ("IBAN", "ES91 2100 0418 4502 0005 1332 NOW"),
    ("payment card", "card 4111 1111 1111 1111"),
    ("payment card", "card 378282246310005"),
    ("US social security number", "SSN 219-09-9999"),
    ("UK national insurance number", "AB 12 34 56 C"),
    ("Spanish DNI or NIE", "DNI 12345678Z"),
    ("Spanish DNI or NIE", "NIE X1234567L"),
    ("French social security number", "2 55 08 14 168 025 38"),
    ("Swiss social security number", "756.9217.0769.85"),
    ("Italian fiscal code", "RSSMRA85T10A562S"),
    ("German tax number", "86095742719"),
    ("API key", f"use {KEY} for it"),
    ("API key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("API key", "ghp_" + "a" * 36),
    ("password", "the password is: hunter2!"),
    ("password", 'api_key = "abcd1234efgh"'),
    ("password", "Passwort: Dampf42"),
    ("password in an address", "postgres://ann:s3cret@db/x"),
    ("private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
]


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_it_is_found_and_replaced_by_its_kind(kind: str, text: str) -> None:
    (found,) = personal_data(text)
    assert found.kind == kind
    inside = text[found.start : found.end]
    assert inside not in redacted(text)
    assert f"[{kind}]" in redacted(text)
    assert personal_data(redacted(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "The QK-350 costs €164.00 and came on 16 March 2026, at 06:30 to 23:00.",
        "Contract SC-2025-031, RMA-25-00417, SA-2023-017, firmware 4.2.1, 10.0.0.1",
        "Payable on 2026-03-16 in 1,000,000 parts; 2025/2026; 12-13 litres; ISO 27001",
        "DE89370400440532013001",  # wrong checksum
        "4111 1111 1111 1112",
        "000-12-3456",
        "12345678A",
        "756.9217.0769.86",
        "The password is changed every year.",
        "password: ********",
        "your password: <your-password>",
        "at @home and a@b",
        "The password is [password].",
        "",
    ],
)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert personal_data(text) == []
    assert redacted(text) == text


def test_several_are_found_in_order_and_never_twice() -> None:
    text = "a@b.example, then b@c.example and 4111111111111111"
    found = personal_data(text)
    assert [one.kind for one in found] == ["e-mail", "e-mail", "payment card"]
    assert redacted(text) == "[e-mail], then [e-mail] and [payment card]"


def test_a_long_text_is_scanned_in_no_time() -> None:
    hostile = "a." * 30_000 + "@" + "1 " * 30_000 + "+" * 10_000 + "0-" * 10_000
    assert isinstance(personal_data(hostile), list)
