"""From a file to orders: blob → format → exactly one source → canonical records → diff → apply.

Owns imports and their issues. Formats (bytes in, raw rows out) and sources (which columns mean what)
are pure. Never guesses: a row that cannot be read is an issue, a table nobody knows needs a mapping.
Start at `service/running.py`, then `reading.py`.
"""
