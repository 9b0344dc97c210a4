"""Provide what the live tests and the benchmarks share: projects on real servers, and the means to break both.

`environment` puts a generated project with the `workload` app on servers of its own. `supervisor` keeps its processes
running, `faults` kills them, `report` says what is left.
"""
