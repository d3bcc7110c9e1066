"""Measures the speed promises against floors measured in the same run: `python -m benchmarks`, or `make bench`."""
