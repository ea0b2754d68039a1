"""Orders of both desks: their fields, changes, versions, filters, notes and tags; machines and products.

Owns the one `orders` table (vending and shipping particulars in 1:1 tables beside it). Imported
fields are a fold over the order's live records, with a person's edits on top. Never reads a file and
never decides whether the money is right. Start at `types.py`, `bulk.py` and `service/`.
"""
