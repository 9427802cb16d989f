"""The XML of gates is what CI systems read, whatever the names hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from ragkit_eval.junit import Check, junit

# As much of the schema of Jenkins' xUnit plugin as a suite of ours may use.
SCHEMA = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="testsuites"><xs:complexType>
    <xs:sequence><xs:element ref="testsuite" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
    <xs:attribute name="name"/><xs:attribute name="time" type="xs:decimal"/>
    <xs:attribute name="tests" type="xs:nonNegativeInteger"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
  </xs:complexType></xs:element>
  <xs:element name="testsuite"><xs:complexType>
    <xs:sequence><xs:element ref="testcase" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
    <xs:attribute name="name" use="required"/>
    <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
    <xs:attribute name="time" type="xs:decimal"/>
  </xs:complexType></xs:element>
  <xs:element name="testcase"><xs:complexType>
    <xs:choice minOccurs="0" maxOccurs="1">
      <xs:element name="failure"><xs:complexType mixed="true">
        <xs:attribute name="type"/><xs:attribute name="message"/>
      </xs:complexType></xs:element>
      <xs:element name="system-out" type="xs:string"/>
    </xs:choice>
    <xs:attribute name="name" use="required"/><xs:attribute name="classname" use="required"/>
    <xs:attribute name="time" type="xs:decimal"/>
  </xs:complexType></xs:element>
</xs:schema>
"""
VALID = etree.XMLSchema(etree.fromstring(SCHEMA))
HOSTILE = "a\x00b\x1b\ufffe ]]> <x y='\"'>&amp; \ud800"


def test_a_suite() -> None:
    text = junit("gates", [Check(name="rag.correct >= 0.7", detail="it is 0.8"), Check(name="b")])
    root = etree.fromstring(text.encode())
    VALID.assertValid(root)
    (suite,) = root
    assert dict(suite.attrib) == {
        "name": "gates",
        "tests": "2",
        "failures": "0",
        "errors": "0",
        "time": "0",
    }
    assert [test.get("name") for test in suite] == ["rag.correct >= 0.7", "b"]
    assert suite[0].findtext("system-out") == "it is 0.8"


def test_hostile_text_is_text() -> None:
    root = etree.fromstring(
        junit(HOSTILE, [Check(name=HOSTILE, failure=HOSTILE, detail=HOSTILE)]).encode()
    )
    VALID.assertValid(root)
    (failure,) = root.iter("failure")
    shown = "a?b?? ]]> <x y='\"'>&amp; ?"
    assert (failure.get("message"), failure.text) == (shown, shown)
    assert (root.get("failures"), root[0].get("failures")) == ("1", "1")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=3))
def test_any_text_gives_a_valid_suite(checks: list[tuple[str, str]]) -> None:
    text = junit("gates", [Check(name=name, failure=why, detail=why) for name, why in checks])
    VALID.assertValid(etree.fromstring(text.encode()))
