"""Which versions lie in runs: the same as looking at every row of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.intake.service.similarity import covered

pytestmark = pytest.mark.unit

runs = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 12)), max_size=12)


@given(runs, st.sets(st.integers(1, 80)))
def test_runs_say_what_their_rows_say(some: list[tuple[int, int]], versions: set[int]) -> None:
    rows = {first + place for first, length in some for place in range(length)}

    assert covered(some, sorted(versions)) == len(rows & versions)
