"""Test that one trace leads from a request through the jobs that it causes."""

from __future__ import annotations

from typing import Any

from tests.live.harness.processes import eventually


def test_one_trace_from_the_request_through_its_jobs(log_site):
    request = log_site.get("/workload/cause/")
    for task in ("second", "caused"):
        log_site.wait_for("task_succeeded", request, task=f"workload.tasks.logged.{task}")
    wanted = {f"run/workload.tasks.logged.{task}" for task in ("first", "second", "kept", "caused")}

    def complete() -> list[Any]:
        """Return the spans of a request to this page in which all of its jobs ran, each with its parent."""
        for spans in log_site.collector.traces():
            ids = {span.span_id for span in spans}
            whole = all(not span.parent_span_id or span.parent_span_id in ids for span in spans)
            if whole and {"GET workload/cause/", *wanted} <= {span.name for span in spans}:
                return spans
        return []

    names = [span.name for span in eventually("the trace", complete)]
    # The first attempt and the retry.
    assert (names.count("run/workload.tasks.logged.first"), names.count("run/workload.tasks.logged.kept")) == (2, 2)
    assert (names.count("run/workload.tasks.logged.second"), names.count("run/workload.tasks.logged.caused")) == (1, 1)
