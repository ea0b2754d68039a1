"""Which record proves which order: arrays in, assignments out. Pure.

Owns candidates, clocks, which terminal stands at which machine, the exact assignment, and how sure it is.
Never reads a database, a setting or a clock, and never guesses silently: what might as well be otherwise is
`AMBIGUOUS`, or `INTERCHANGEABLE` where it makes no difference. Start at `matching.py`; the method is explained
in docs/algorithms/matching.md.
"""
