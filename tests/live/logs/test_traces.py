"""One trace leads from a request through the jobs that it causes."""

from __future__ import annotations

from processes import eventually


def test_one_trace_from_the_request_through_its_jobs(site):
    request = site.get("/told/cause/")
    for task in ("second", "caused"):
        site.wait_for("task_succeeded", request, task=f"told.tasks.{task}")
    wanted = {f"run/told.tasks.{task}" for task in ("first", "second", "kept", "caused")}

    def complete() -> set[str]:
        """The trace of a request to this page in which all of its jobs ran."""
        spans = site.collector.spans()
        traces = [span.trace_id for span in spans if span.name == "GET told/cause/" and not span.parent_span_id]
        return next((t for t in traces[::-1] if wanted <= {s.name for s in spans if s.trace_id == t}), set())

    trace = eventually("the trace", complete)
    spans = [span for span in site.collector.spans() if span.trace_id == trace]
    ids = {span.span_id for span in spans}
    assert [span.name for span in spans if span.parent_span_id and span.parent_span_id not in ids] == []
    # The first attempt and the retry.
    assert len([span for span in spans if span.name == "run/told.tasks.first"]) == 2
    assert len([span for span in spans if span.name == "run/told.tasks.kept"]) == 2
