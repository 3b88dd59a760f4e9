"""Programs that measure and print ratios (`make bench`); nothing is timed inside the tests. docs/benchmarks.md."""
