"""Write docs/monitoring.md from a generated project's own metrics and rules: python docs/make_monitoring.py"""

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

All numbers are read from the broker and the database, never from the memory of one process. So they are right with any
number of web processes and workers, and a process that ends takes no numbers with it.

## Health

| look at | it tells you |
|---|---|
| `/admin/djcelery_jobs/overview/` | everything, for people: [the jobs page](jobs-page.md) |
| `manage.py jobs health` | a table of queues, workers and beat, and the problems; exits with 1 if there is one |
| `GET /health/live` | 200 while the web process answers |
| `GET /health/ready` | 200; or 503 within a second, with the part that is `down` or gives `no answer`; for anybody |
| the age of a heartbeat file | a worker or beat whose file is older than 30 seconds hangs, or has lost a consumer |

The broker and the database are asked at the same time, each by one thread, however many requests want to know. No
request waits longer than a second. So a server that hangs holds one thread in each web process.

### The heartbeat

Set `JOBS_HEARTBEAT_FILE`, and a worker touches that file every second while it consumes every queue that it was
started for. It does so from the event loop of its consumer. Beat touches its file at each tick, also while another
beat holds the lock. The probe of a container does not have to start Python:

```console
find "$JOBS_HEARTBEAT_FILE" -mmin -0.5 | grep -q .
```

The probe fails for a process that is stopped or hangs, for a worker that has lost one of its consumers, and for a
worker that is connected but receives nothing for 10 seconds while jobs wait in its queues. It does not fail while the
broker is down: the worker is trying to reconnect, and a restart would end the jobs that it runs. It does not fail
during a pause.

Each worker also writes a row in the database every five seconds. If no live worker consumes a queue, `jobs health`
says so, `jobs_queue_consumers` is 0, and an alert fires.

## Metrics

`GET /metrics` is for Prometheus, which sends `METRICS_TOKEN` from the environment as its bearer token, and for people
who may see jobs in the admin. Everybody else gets 403. Scrape one web process; it does not matter which:

```yaml
scrape_configs:
  - job_name: jobs
    scheme: https
    authorization: { credentials_file: /etc/prometheus/metrics-token }
    static_configs: [{ targets: [shop.example.com] }]
```

"""

COUNTING = """
Each process that runs jobs reports the end of a run through a pipe to its worker's main process, which adds the
reports to small tables every five seconds. If a child process is killed after a run, that run is already reported. If
a whole worker is killed, the counts of its last seconds are lost. While the database is down, counts are kept and
added later.

A durable job is counted once when it ends, and once for each retry before that:

| what happened to a durable job | `outcome` |
|---|---|
| it is done | `done` |
| it failed for good, or was given up because its process died too often, or no code could send it | `failed` |
| a run failed and will be retried | `retried` |
| somebody cancelled it, before or during a run | `cancelled` |
| it expired before a run | `expired` |
| it snoozed, was held by a pause, was cut off by a kill or its hard limit, or its message came twice | not counted |

A plain job that a kill or its hard limit ended is `failed`, without a duration; one that comes back after a kill is
counted when it ends. The charts and the page **Tasks** show `done`, `failed` and `retried`.

`jobs_queue_oldest_seconds` is exact on Redis, where the oldest message can be read in place, and for durable jobs,
which have a row. Plain messages on RabbitMQ cannot be looked at without taking them. There the metric is an upper
bound: what waits is younger than the message that a worker took last. It is absent when no worker has taken a message.

A scrape costs the same however many jobs there are: the broker knows the lengths of its queues, and partial indexes
lead to the rows. Dead jobs are counted up to 10,000 per queue.

## Alerts

`monitoring/alerts.yaml` holds the rules for Prometheus, `monitoring/grafana.json` a dashboard to import into Grafana.
Tests in the project check that both use only metrics and labels that exist, and that every metric is used. A queue
that is paused does not fire the alerts about old jobs or missing workers; `JobsPaused` fires when a pause lasts for a
day.

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
