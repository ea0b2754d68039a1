"""What becomes of every order and record of some days: one pure function of all that is known of them.

Owns the order of steps (clocks, documents, statuses, buckets, drift) and no step's method: matching is the matcher's.
Never reads a database, a setting or a clock. Start at `reckon.py`.
"""
