"""What Celery's own tools see of the workers."""

from __future__ import annotations

import json
import re

from shop import CLASSES


def test_inspect_registered_lists_every_task_at_every_worker(shop):
    routes = shop.shell("import json; from django.conf import settings; print(json.dumps(sorted(settings.ROUTES)))")

    ready = [re.findall(rf"({name}-\d+@\S+) ready\.", shop.dev.text)[-1] for name in CLASSES]
    # With their names given, it answers when the last of them has, and not when its time is up.
    command = (
        "-m",
        "celery",
        "-A",
        shop.project.slug,
        "inspect",
        "--json",
        "-t",
        "30",
        "-d",
        ",".join(ready),
        "registered",
    )
    answer = json.loads(shop.project.run(*command, **shop.variables))

    assert set(answer) == set(ready)
    for tasks in answer.values():
        assert set(tasks) >= set(json.loads(routes))
