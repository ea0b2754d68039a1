"""What the product stands on: database, jobs, inbox, locks, blobs, live events, settings, logs.

Owns technical tables only (inbox, idempotency keys, settings, installation) and knows no business word.
Never decides anything: it stores, delivers, serialises and reports.
"""
