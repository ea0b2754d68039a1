"""Thin routes, one file per module they speak for (docs/adr/0005 says why they live here)."""
