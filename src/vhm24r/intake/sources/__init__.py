"""One file per source: which columns mean what. Declarative and pure.

Owns the knowledge of report layouts. Never reads a file, a setting or the database.
"""
