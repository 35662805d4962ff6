"""Benchmarks, run by hand: what the product costs beside a plain loop. See docs/benchmarks.md."""
