"""The specification's table cells: conformance, access, quality (Matter Core 7.3, 7.6, 7.7)."""

import pytest

from matter_node.model import Privilege, Quality
from matter_node.model.conformance import Conformance, judge
from matter_node.model.qualities import Access, parse_access, parse_quality

M, O, X = Conformance.MANDATORY, Conformance.OPTIONAL, Conformance.DISALLOWED  # noqa: E741 - as the tables say


@pytest.mark.parametrize(
    ("cell", "present", "verdict"),
    [
        ("", "", M),
        ("M", "", M),
        ("O", "", O),
        ("X", "", X),
        ("desc", "", O),
        ("D", "", O),
        ("P, M", "", O),
        ("A", "A", M),
        ("A", "", X),
        ("[A]", "A", O),
        ("[A]", "", X),
        ("!A", "", M),
        ("!A", "A", X),
        ("!A, O", "A", O),
        ("A, O", "", O),
        ("A, [B]", "B", O),
        ("A, [B]", "", X),
        ("A | B", "B", M),
        ("A & B", "B", X),
        ("A & B", "A B", M),
        ("A | B & C", "A", M),
        ("(A | B) & C", "A", X),
        ("(A | B) & C", "B C", M),
        ("A ^ B", "A B", X),
        ("A ^ B", "B", M),
        ("[A & !B]", "A", O),
        ("[A & !B]", "A B", X),
        ("O.a+", "", O),
        ("[A].a2+", "A", O),
        ("A.b", "A", M),
        ("A > 3, O", "A", O),
    ],
)
def test_conformance(cell, present, verdict):
    assert judge(cell, frozenset(present.split())) is verdict


@pytest.mark.parametrize("cell", ["A &", "(A", "A B", "&", "A # B", "[A &]"])
def test_a_cell_that_cannot_be_read_is_an_error(cell):
    with pytest.raises(ValueError, match="conformance"):
        judge(cell, frozenset())


V, OP, MA, AD = Privilege.VIEW, Privilege.OPERATE, Privilege.MANAGE, Privilege.ADMINISTER


@pytest.mark.parametrize(
    ("cell", "access"),
    [
        ("", Access(V, None)),
        ("R V", Access(V, None)),
        ("RW VO", Access(V, OP)),
        ("RW VM", Access(V, MA)),
        ("RW A", Access(AD, AD)),
        ("R[W] VM", Access(V, MA)),
        ("RW F VA", Access(V, AD, fabric_scoped=True)),
        ("RW S A", Access(AD, AD, fabric_scoped=True, fabric_sensitive=True)),
        ("RW AA T", Access(AD, AD, timed=True)),
        ("W O", Access(None, OP)),
    ],
)
def test_access_of_an_attribute(cell, access):
    assert parse_access(cell) == access


@pytest.mark.parametrize(
    ("cell", "access"),
    [
        ("", Access(None, OP)),
        ("O", Access(None, OP)),
        ("F A", Access(None, AD, fabric_scoped=True)),
        ("M T", Access(None, MA, timed=True)),
    ],
)
def test_access_of_a_command(cell, access):
    assert parse_access(cell, invoke=True) == access


def test_words_that_no_table_has_are_errors():
    with pytest.raises(ValueError, match="unknown word"):
        parse_access("RW Z")
    with pytest.raises(KeyError):
        parse_quality("Z")


def test_quality():
    assert parse_quality("X N Q") == Quality.NULLABLE | Quality.NONVOLATILE | Quality.QUIETER
    assert parse_quality("") == Quality.NONE
