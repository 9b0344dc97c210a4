"""One trace leads from a request through the jobs that it causes."""

from __future__ import annotations

from typing import Any

from processes import eventually


def test_one_trace_from_the_request_through_its_jobs(site):
    request = site.get("/told/cause/")
    for task in ("second", "caused"):
        site.wait_for("task_succeeded", request, task=f"told.tasks.{task}")
    wanted = {f"run/told.tasks.{task}" for task in ("first", "second", "kept", "caused")}

    def complete() -> list[Any]:
        """The spans of a request to this page in which all of its jobs ran, each with its parent."""
        for spans in site.collector.traces():
            ids = {span.span_id for span in spans}
            whole = all(not span.parent_span_id or span.parent_span_id in ids for span in spans)
            if whole and {"GET told/cause/", *wanted} <= {span.name for span in spans}:
                return spans
        return []

    names = [span.name for span in eventually("the trace", complete)]
    # The first attempt and the retry.
    assert (names.count("run/told.tasks.first"), names.count("run/told.tasks.kept")) == (2, 2)
    assert (names.count("run/told.tasks.second"), names.count("run/told.tasks.caused")) == (1, 1)
