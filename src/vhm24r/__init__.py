"""VHM24R: order management for businesses that live in Telegram.

Start reading at `vhm24r.main` (the composition root) or at `docs/architecture.md` (the map).
"""

__version__ = "0.1.0"
