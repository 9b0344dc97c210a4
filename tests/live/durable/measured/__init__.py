"""An app that tests and benchmarks put into a generated project: work that can be counted and measured."""
