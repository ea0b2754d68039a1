"""One file per format: bytes in, tables of text cells out. Pure; recognised by content, not by name.

Never knows what a column means, never touches the database or a setting.
"""
