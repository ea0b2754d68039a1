"""What every source said: files, records in all their versions, and matches between them.

Owns the facts as they were reported. A record is one fact of one source (its identity); each
different statement about it is a version, and each row of a file that states it is a sighting.
Knows no order: it holds a bare order id. Rows are appended; only the flags `current` and
`withdrawn` and the order id move. Start at `types.py`, then `bulk.py`.
"""
