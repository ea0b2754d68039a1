"""Benchmarks beside their peers and limits, side by side in one run. Never part of the tests."""
