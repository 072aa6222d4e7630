"""Scripts that measure; each runs as ``python -m eval.benchmarks.NAME``."""
