"""One file per use case: receiving a file, running an import, applying it, reading about it."""
