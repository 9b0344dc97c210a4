"""Benchmarks: each prints its tables and, at full size, writes its figures to `results/`."""
