"""Measurements, each a command: `python -m benchmarks.step_time --help`."""
