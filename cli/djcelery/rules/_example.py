"""Split the examples in a rule's manual and in its tests: several files in one text."""

from __future__ import annotations

import re

# The Celery app as Celery's first steps with Django write it.
APP: dict[str, str | bytes] = {
    "project/__init__.py": "from project.celery import app\n",
    "project/celery.py": (
        "from celery import Celery\n\n"
        'app = Celery("project")\n'
        'app.config_from_object("django.conf:settings", namespace="CELERY")\n'
        "app.autodiscover_tasks()\n"
    ),
}
FILE_NAME = re.compile(r"# ((?:[\w.-]+/)*(?:[\w@-]+\.(?:py|ya?ml|toml|service|txt|lock|sh)|Procfile))")


def example(text: str, path: str = "shop/tasks.py") -> dict[str, str | bytes]:
    """Return the files of an example. A line `# some/file.py` begins a new file."""
    files: dict[str, list[str]] = {}
    for line in text.split("\n"):
        match = FILE_NAME.fullmatch(line.strip())
        if match:
            path = match[1]
            continue
        files.setdefault(path, []).append(line)
    return {
        name: "\n".join(lines).strip("\n") + "\n"
        for name, lines in files.items()
        if "".join(lines).strip() or name.endswith("__init__.py")
    }
