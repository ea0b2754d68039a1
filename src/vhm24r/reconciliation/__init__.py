"""Every order against the money: which record proves which order, and what that says of it.

Owns matching (`matcher`, pure). Never changes an order's own facts or a record. Start at `matcher/matching.py`.
"""
