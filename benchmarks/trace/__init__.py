"""Provenance, measured: `python -m benchmarks.trace`."""
