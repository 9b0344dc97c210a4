"""Writes docs/monitoring.md from a generated project's own metrics and rules: python docs/make_monitoring.py"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parent / "monitoring.md"

HEAD = """\
# Health, metrics and alerts of a generated project

<!-- Written by docs/make_monitoring.py from the project itself; a test keeps it true. Change the project, or that
script. -->

What is true of the jobs is read from the broker and the database, never from the memory of one process. So the
numbers are right behind any number of web processes and workers, and a process that ends takes nothing along.

## Is it well?

| ask | answer |
|---|---|
| `/admin/djcelery_jobs/overview/` | for people: [the page of the jobs](jobs-page.md) |
| `manage.py jobs health` | a table of queues, workers and beat; exit code 1 and a sentence for each trouble |
| `GET /health/live` | 200 while the web process answers |
| `GET /health/ready` | 200, or within a second 503 and the part that is `down` or gives `no answer`; for anybody |
| the age of a worker's or beat's heartbeat file | older than 30 seconds: it hangs, or has lost a consumer |

The broker and the database are asked at the same moment, each by one thread however many requests want to know, and
nobody waits longer than a second in all. So a server that hangs holds one thread of each web process.

### The heartbeat

With `JOBS_HEARTBEAT_FILE` set, a worker touches that file each second, from the event loop of its consumer, while it
consumes every queue that it was started for; beat touches it at each tick, also while another one holds the lock. The
probe of a container starts no Python:

```console
find "$JOBS_HEARTBEAT_FILE" -mmin -0.5 | grep -q .
```

It fails for a process that is stopped or hangs, for a worker that has lost one of its consumers, and for one that
believes to consume but has nothing to do for 10 seconds while jobs wait in its queues. It does not fail
while the broker is away: a worker that looks for it does what it can, and a restart would end the jobs that it runs.

The same is in the database, one row for each worker, written every five seconds. A queue of which no live worker says
that it consumes it is reported: by `jobs health`, by `jobs_queue_consumers`, and by an alert.

## Metrics

`GET /metrics` is for Prometheus, with `METRICS_TOKEN` from the environment as its bearer token, and for people who
may see jobs in the admin. Everybody else gets 403. One web process is enough to scrape, whichever answers:

```yaml
scrape_configs:
  - job_name: jobs
    scheme: https
    authorization: { credentials_file: /etc/prometheus/metrics-token }
    static_configs: [{ targets: [shop.example.com] }]
```

"""

COUNTING = """
A run is told by one line in a pipe from the process that ran it to its worker's main process, which adds what it has
read to two small tables every five seconds. So a child that is killed afterwards has told what it did; a whole worker
that is killed loses the counts of its last seconds. When the database is away they are kept and added later. Runs
that were cut off by a kill are not counted, since they run again; one that its hard limit ended is counted as failed,
without a duration. A second delivery that finds its job done is a run that is done, too.

`jobs_queue_oldest_seconds` is exact on Redis, where the oldest message is looked at in its place, and for durable
jobs, which have a row. Of plain messages on RabbitMQ nobody can know without taking them: what waits there is younger
than what a worker took last, so the age given is an upper bound, and absent when no worker has taken any.

What a look costs does not grow with the jobs: the broker says how long a queue is, and rows are found by partial
indexes. Dead jobs are counted up to 10,000 in each queue.

## Alerts

`monitoring/alerts.yaml` holds the rules for Prometheus, `monitoring/grafana.json` a dashboard to import into Grafana.
Tests in the project see to it that both name metrics and labels that exist, and that every metric is used.

"""

TABLES = """
import json
from datetime import UTC, datetime
from djcelery_jobs.dashboard.metrics import families
from djcelery_jobs.dashboard.snapshot import BeatState, Snapshot
now = datetime.now(UTC)
state = Snapshot(now, "ok", [], [], BeatState(True, "", now, []))
rows = [(m.name, m.type, m._labelnames, m.documentation) for m in families(state, [], memory_share=0.5)]
print(json.dumps(rows))
"""


def text() -> str:
    """Return the whole page."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "shop"
        command = [sys.executable, "-m", "djcelery", "new", project, "--no-input", "--no-git"]
        subprocess.run(command, check=True, capture_output=True)
        told = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v0", "-c", TABLES], cwd=project, check=True, capture_output=True
        )
        rules = yaml.safe_load((project / "monitoring/alerts.yaml").read_text(encoding="utf-8"))
    return HEAD + _metrics(json.loads(told.stdout)) + COUNTING + _alerts(rules["groups"][0]["rules"])


def _metrics(rows: list[list[Any]]) -> str:
    lines = [
        f"| `{_series(name, kind)}` | {kind} | {', '.join(labels)} | {what} |" for name, kind, labels, what in rows
    ]
    return "\n".join(["| metric | type | labels | what it says |", "|---|---|---|---|", *lines, ""])


def _series(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def _alerts(rules: list[dict[str, Any]]) -> str:
    lines = [f"| {rule['alert']} | {rule['labels']['severity']} | `{_one_line(rule)}` |" for rule in rules]
    return "\n".join(["| alert | severity | fires when |", "|---|---|---|", *lines, ""])


def _one_line(rule: dict[str, Any]) -> str:
    lasting = f" for {rule['for']}" if "for" in rule else ""
    return (" ".join(rule["expr"].split()) + lasting).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
