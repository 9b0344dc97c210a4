"""Ask the workers with Celery's own tools."""

from __future__ import annotations

import json
import re

from tests.live.harness.project import CLASSES


def test_inspect_registered_lists_every_task_at_every_worker(dev_server):
    routes = dev_server.shell(
        "import json; from django.conf import settings; print(json.dumps(sorted(settings.ROUTES)))"
    )

    ready = [re.findall(rf"({name}-\d+@\S+) ready\.", dev_server.dev.text)[-1] for name in CLASSES]
    # With their names given, it answers when the last of them has, and not when its time is up.
    command = (
        "-m",
        "celery",
        "-A",
        dev_server.project.slug,
        "inspect",
        "--json",
        "-t",
        "30",
        "-d",
        ",".join(ready),
        "registered",
    )
    answer = json.loads(dev_server.project.run(*command, **dev_server.variables))

    assert set(answer) == set(ready)
    for tasks in answer.values():
        assert set(tasks) >= set(json.loads(routes))
