"""Statements of one file: keys, contents, repeats, over every chunk of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.evidence.types import FIELD_NAMES, STAGED_COLUMNS
from vhm24r.intake.sources.declaration import Source
from vhm24r.intake.sources.happy_workers import HAPPY_WORKERS
from vhm24r.intake.sources.vendhub import VENDHUB
from vhm24r.intake.statements import Repeat, Seen, Statements, state
from vhm24r.intake.values import NULL

pytestmark = pytest.mark.unit

Facts = tuple[str, str, str]  # number (or row id), machine, amount


def stated(source: Source, facts: list[Facts], seen: Seen, position: int = 0) -> Statements:
    fields = {name: [NULL] * len(facts) for name in (*FIELD_NAMES, "external_id", "extra")}
    assert source.key is not None
    fields[source.key] = [fact[0] for fact in facts]
    fields["machine_code"] = [fact[1] for fact in facts]
    fields["amount"] = [fact[2] for fact in facts]
    return state(source, fields, range(2 + position, 2 + position + len(facts)), 0, position, seen)


def parsed(statements: Statements) -> list[dict[str, str]]:
    lines = statements.lines.decode().split("\n")[:-1]
    return [dict(zip(STAGED_COLUMNS, line.split("\t"), strict=True)) for line in lines]


def test_a_key_is_qualified_by_the_machine_and_shown_without_it() -> None:
    found = parsed(stated(HAPPY_WORKERS, [("A1", "m1", "5"), ("A1", "m2", "5"), ("A1", NULL, "5")], Seen()))

    assert [line["external_id"] for line in found] == ["A1", "A1", "A1"]
    assert len({line["identity"] for line in found}) == 3


def test_a_sale_is_known_by_its_row_id_alone() -> None:
    result = stated(VENDHUB, [("7", "m1", "5"), ("7", "m2", "5")], Seen())

    one, other = parsed(result)
    assert one["identity"] == other["identity"]
    assert result.repeats == [Repeat(3, "7")]


def test_sources_do_not_share_identities() -> None:
    one = parsed(stated(HAPPY_WORKERS, [("7", NULL, "5")], Seen()))
    other = parsed(stated(VENDHUB, [("7", NULL, "5")], Seen()))

    assert one[0]["identity"] != other[0]["identity"]


def test_a_repeat_in_a_later_chunk_is_noticed() -> None:
    seen = Seen()
    stated(HAPPY_WORKERS, [("A1", "m1", "5"), ("A2", "m1", "5")], seen)

    again = stated(HAPPY_WORKERS, [("A2", "m1", "5"), ("A1", "m1", "6"), ("A3", "m1", "5")], seen, position=2)

    assert (again.count, again.duplicates) == (3, frozenset({0}))
    assert again.repeats == [Repeat(5, "A1")]
    assert [(line["position"], line["row"], line["duplicate"]) for line in parsed(again)] == [
        ("2", "4", "t"),
        ("3", "5", "f"),
        ("4", "6", "f"),
    ]


def test_equal_rows_without_a_key_are_counted_over_chunks() -> None:
    seen = Seen()
    first = parsed(stated(HAPPY_WORKERS, [(NULL, "m1", "5")], seen))

    second = parsed(stated(HAPPY_WORKERS, [(NULL, "m1", "5"), (NULL, "m1", "6")], seen, position=1))

    assert [line["occurrence"] for line in [*first, *second]] == ["0", "1", "0"]
    assert len({line["order_number"] for line in [*first, *second]}) == 3


def test_the_identity_of_a_row_is_the_same_in_every_file() -> None:
    facts = [("A1", "m1", "5"), (NULL, "m1", "5")]

    one = parsed(stated(HAPPY_WORKERS, facts, Seen()))
    other = parsed(stated(HAPPY_WORKERS, facts[::-1], Seen()))[::-1]

    assert [line["identity"] for line in one] == [line["identity"] for line in other]
    assert [line["content"] for line in one] == [line["content"] for line in other]


FACTS = st.tuples(st.sampled_from(["A1", "A2", "A3", NULL]), st.sampled_from(["m1", NULL]), st.sampled_from("56"))


@given(st.lists(FACTS, max_size=12), st.integers(min_value=0, max_value=12))
def test_where_a_file_is_cut_into_chunks_changes_nothing(facts: list[Facts], cut: int) -> None:
    whole, parts = Seen(), Seen()

    at_once = stated(HAPPY_WORKERS, facts, whole)
    first, rest = stated(HAPPY_WORKERS, facts[:cut], parts), stated(HAPPY_WORKERS, facts[cut:], parts, len(facts[:cut]))

    assert first.lines + rest.lines == at_once.lines
    assert first.repeats + rest.repeats == at_once.repeats
    assert first.count + rest.count == at_once.count
    assert first.duplicates | {cut + place for place in rest.duplicates} == at_once.duplicates
    assert parts.digest.hexdigest() == whole.digest.hexdigest()
