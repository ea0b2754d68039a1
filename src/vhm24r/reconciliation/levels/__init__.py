"""Money at its own level: what gateways pay out to the bank, and the cash in machines between collections. Pure.

Owns which bank credit pays which gateway day, and how the cash of a collection compares with what was sold for cash.
Never reads a database, a setting or a clock, and never says anything of a single order. The rules are explained in
docs/algorithms/levels.md.
"""
