"""The app that the live tests and the benchmarks put into a generated project: work that can be counted."""
