"""JUnit's XML, as CI systems read it: a test for each thing that was to hold.

Source: the schema of Jenkins' xUnit plugin (`junit-10.xsd`), and what GitLab documents to read:
`testsuite`, `testcase` with `name`, `classname` and `time`, and `failure`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

# What XML 1.0 allows; https://www.w3.org/TR/xml/#charsets.
_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One test.

    Attributes:
        name: Unique in its suite.
        failure: Why it failed, one sentence; empty if it did not.
        detail: More of the failure, or of what was found.
    """

    name: str
    failure: str = ""
    detail: str = ""


def junit(suite: str, checks: Sequence[Check]) -> str:
    """Return the XML of one suite; the same checks give the same text.

    Characters that XML cannot hold become question marks. No time is given: a gate takes none.
    """
    failures = str(sum(bool(check.failure) for check in checks))
    counts = {"tests": str(len(checks)), "failures": failures, "errors": "0"}
    root = Element("testsuites", {"name": _valid(suite), **counts, "time": "0"})
    held = SubElement(root, "testsuite", {"name": _valid(suite), **counts, "time": "0"})
    for check in checks:
        test = SubElement(
            held,
            "testcase",
            {"name": _valid(check.name), "classname": _valid(suite), "time": "0"},
        )
        if check.failure:
            failure = SubElement(
                test, "failure", {"message": _valid(check.failure), "type": "gate"}
            )
            failure.text = _valid(check.detail)
        elif check.detail:
            SubElement(test, "system-out").text = _valid(check.detail)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _valid(text: str) -> str:
    return _INVALID.sub("?", text)
