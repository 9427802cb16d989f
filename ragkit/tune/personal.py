"""Finds personal data and secrets in texts, by their shape and, where they have one, checksum.

A found text is never shown: only what kind it is, where it stands and how long it is. Names of
people are not found, nor anything that has no shape of its own; a person has to look for those.

Source: ISO 13616 (IBAN, remainder 97), ISO/IEC 7812-1 (Luhn), ISO 7064, the published layouts of
the national numbers named below, and of the issuers' keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """A stretch of a text that looks like personal data or a secret.

    Attributes:
        kind: Such as "e-mail" or "IBAN".
        start: Offset of its first character.
        end: Offset after its last character.
    """

    kind: str
    start: int
    end: int


def personal_data(text: str) -> list[PersonalData]:
    """Return what is found in a text, in its order; of what overlaps, the first kind that fits."""
    found: list[PersonalData] = []
    for kind, pattern, holds in _KINDS:
        for match in pattern.finditer(text):
            start, end = match.span("found") if "found" in pattern.groupindex else match.span()
            free = all(end <= other.start or other.end <= start for other in found)
            if free and holds(text[start:end]):
                found.append(PersonalData(kind=kind, start=start, end=end))
    return sorted(found, key=lambda one: one.start)


def redacted(text: str) -> str:
    """Return the text with each find replaced by its kind in square brackets."""
    pieces, at = [], 0
    for one in personal_data(text):
        pieces += [text[at : one.start], f"[{one.kind}]"]
        at = one.end
    return "".join([*pieces, text[at:]])


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char in "0123456789"]


def _always(_: str) -> bool:
    return True


def _luhn(text: str) -> bool:
    digits = _digits(text)
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    plain = "".join(text.split()).upper()
    turned = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(turned) % 97 == 1


def _phone(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 15 and len(set(_digits(text))) > 2


def _us_number(text: str) -> bool:
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _spanish(text: str) -> bool:
    plain = text.replace("-", "")
    if len(plain) != 9:
        return False
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _french(text: str) -> bool:
    plain = "".join(text.split()).upper().replace("2A", "19").replace("2B", "18")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def _swiss(text: str) -> bool:
    digits = _digits(text)
    weighted = sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits[:-1]))
    return (10 - weighted % 10) % 10 == digits[-1]


def _italian(text: str) -> bool:
    odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25]
    odd += [24, 23]
    total = 0
    for place, char in enumerate(text.upper()[:15]):
        value = int(char) if char.isdigit() else ord(char) - ord("A")
        total += value if place % 2 else odd[value]
    return chr(ord("A") + total % 26) == text.upper()[15]


def _german(text: str) -> bool:
    """Check a tax identification number: one digit stands twice or thrice, ISO 7064 mod 11, 10."""
    digits = _digits(text)
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if counts[-1] not in {2, 3} or counts[-2:].count(counts[-1]) > 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def _secret(text: str) -> bool:
    """Refuse words that only stand for a secret, such as `your-key` or stars."""
    if re.fullmatch(r"[*x.\u2022_-]+|\[.*\]?|<.*>?|\$?\{.*\}?", text, re.IGNORECASE):
        return False
    return not re.match(r"(?:your|my|the|example|changeme|none|null|is|was|and|or)\b", text, re.I)


_KEYS = (
    r"sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"hf_[A-Za-z0-9]{30,}",
    r"npm_[A-Za-z0-9]{36}",
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}",  # JSON web token
)
_SEPARATED = r"[ \u00a0./()-]{0,3}"
_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
        ),
        _always,
    ),
    ("API key", re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_KEYS)})"), _always),
    (
        "password in an address",
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?P<found>[^\s/@]+)@", re.IGNORECASE),
        _always,
    ),
    (
        "password",
        re.compile(
            r"\b(?:password|passwd|passphrase|pwd|passwort|kennwort|mot de passe|contrase\u00f1a"
            r"|secret|api[ _-]?key|access[ _-]?token|auth[ _-]?token)\b[\"']?\s*"
            r"(?:[:=]|\bis\b\s*(?::|(?=\S*\d)))\s*[\"']?(?P<found>[^\s\"',;]{4,})",
            re.IGNORECASE,
        ),
        _secret,
    ),
    (
        "e-mail",
        re.compile(
            r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?![\w-])", re.UNICODE
        ),
        _always,
    ),
    (
        "IBAN",
        re.compile(
            r"(?<![A-Za-z0-9])(?:[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}"
            r"|[A-Z]{2}\d{2}(?:[ \u00a0][A-Z0-9]{4}){2,7}[ \u00a0][A-Z0-9]{1,3})(?!\w)"
        ),
        _iban,
    ),
    (
        "IBAN",  # whose last group is a whole one, with a word behind it
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \u00a0][A-Z0-9]{4}){3,7}(?!\w)"),
        _iban,
    ),
    (
        "payment card",
        re.compile(r"(?<![\d.,-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d-]|[.,]\d)"),
        _luhn,
    ),
    ("US social security number", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _us_number),
    (
        "UK national insurance number",
        re.compile(
            r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} "
            r"?\d{2} ?[A-D](?!\w)"
        ),
        _always,
    ),
    ("Spanish DNI or NIE", re.compile(r"(?<!\w)[XYZ]?\d{7,8}-?[A-Z](?!\w)"), _spanish),
    (
        "French social security number",
        re.compile(r"(?<!\w)[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\w)"),
        _french,
    ),
    (
        "Swiss social security number",
        re.compile(r"(?<![\d.])756\.?\d{4}\.?\d{4}\.?\d{2}(?![\d.]\d)"),
        _swiss,
    ),
    (
        "Italian fiscal code",
        re.compile(r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)", re.IGNORECASE),
        _italian,
    ),
    (
        "German tax number",
        re.compile(r"(?<![\d.,-])[1-9]\d ?\d{3} ?\d{3} ?\d{3}(?![\d-]|[.,]\d)"),
        _german,
    ),
    (
        "phone number",
        re.compile(
            rf"(?<![\w.,+-])(?:(?:\+|00)[1-9](?:{_SEPARATED}\d){{7,14}}"
            rf"|\(0\d{{1,5}}\)(?:{_SEPARATED}\d){{4,9}}"
            r"|0[1-9]\d{0,4}[ /-]{1,3}\d{2,}(?:[ /-]?\d){2,8}"
            r"|\(\d{3}\) ?\d{3}-\d{4}|[2-9]\d{2}-\d{3}-\d{4})(?!\w|[.,-]\d)"
        ),
        _phone,
    ),
)
