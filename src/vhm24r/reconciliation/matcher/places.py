"""Names of terminals that say where they stand: a cash desk is often called by the address of its machine."""

from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz, process, utils

ALIKE = 88
"""Points of a hundred from which on a name is an address; typing errors and missing words cost a few each."""

LEAD = 6
"""Points by which it must be liker than any other machine's address: neighbours share a street."""


def home_of(names: Sequence[str], addresses: Mapping[int, str]) -> dict[str, int]:
    """Of each name the machine whose address or name it plainly is; those that are nobody's, or several machines', are
    left out. `addresses` are by the number of the machine.
    """
    found: dict[str, int] = {}
    for name in dict.fromkeys(names):
        best = process.extract(name, addresses, scorer=fuzz.token_sort_ratio, processor=utils.default_process, limit=2)
        scores = [score for _, score, _ in best] + [0.0, 0.0]
        if scores[0] >= ALIKE and scores[0] - scores[1] >= LEAD:
            found[name] = best[0][2]
    return found
