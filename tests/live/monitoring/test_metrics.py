"""Count runs rightly, whichever web process is asked, and whatever kind of pool ran the jobs."""

from __future__ import annotations

import shutil
import subprocess

from tests.live.harness.processes import eventually

NAME = "workload.tasks.measured.ending"
PUBLISH = """
from workload.tasks import ending
for queue, how, count in {calls!r}:
    for _ in range(count):
        ending.apply_async([how], queue=queue)
"""
CALLS = [("fast", "done", 60), ("fast", "fail", 7), ("fast", "retry", 5), ("slow", "done", 30), ("slow", "retry", 4)]
# The second run of one that was retried is done.
RUNS = {
    ("jobs_runs_total", "done", "fast", NAME): 65,
    ("jobs_runs_total", "failed", "fast", NAME): 7,
    ("jobs_runs_total", "retried", "fast", NAME): 5,
    ("jobs_run_seconds_count", "fast", NAME): 77,
    ("jobs_runs_total", "done", "slow", NAME): 34,
    ("jobs_runs_total", "retried", "slow", NAME): 4,
    ("jobs_run_seconds_count", "slow", NAME): 38,
}
# Nobody consumes `email`, in which three wait.
GAUGES = {
    ("jobs_broker_up",): 1,
    ("jobs_beat_up",): 1,
    ("jobs_workers", "true"): 2,
    ("jobs_workers", "false"): 0,
    ("jobs_queue_waiting", "email"): 3,
    ("jobs_queue_waiting", "fast"): 0,
    ("jobs_queue_consumers", "email"): 0,
    ("jobs_queue_consumers", "fast"): 1,
    ("jobs_queue_consumers", "slow"): 1,
    ("jobs_queue_dead", "fast"): 7,
}


def test_two_web_processes_and_two_kinds_of_workers(environment, web):
    sites = [web(), web()]
    publish(environment, [("email", "done", 3)])
    environment.worker("fast")
    threads = ("worker", "-Q", "slow", "-n", "slow-threads@%h", "--pool", "threads", "-l", "INFO")
    environment.start("-m", "celery", "-A", "shop", *threads, name="worker-threads", ready=r" ready\.")
    environment.beat()
    publish(environment, CALLS)

    wanted = RUNS | GAUGES

    def counted(site):
        return {series: value for series, value in site.metrics().items() if series in wanted}

    eventually("every run is counted", lambda: counted(sites[0]) == wanted, 60)
    assert counted(sites[1]) == wanted


def publish(environment, calls) -> None:
    environment.manage("shell", "-v0", "-c", PUBLISH.format(calls=calls))


def test_prometheus_own_tool_finds_nothing_to_say(web):
    # It knows the conventions for names, units and help texts.
    text = web().get("/metrics", Authorization="Bearer token").text
    tool = shutil.which("promtool")
    assert tool, "promtool is not installed (Debian: apt-get install prometheus)"

    said = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)

    assert (said.returncode, said.stdout + said.stderr) == (0, "")
