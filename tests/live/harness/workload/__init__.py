"""Put work that can be counted into a generated project, for the live tests and the benchmarks."""
