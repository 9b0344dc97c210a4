from importlib import import_module

from django.apps import AppConfig

from . import traces

# Modules that connect themselves to Django's or Celery's signals.
CONNECTED = [
    "jobs.checks",
    "jobs.connections",
    "jobs.failures",
    "jobs.forks",
    "jobs.lines",
    "jobs.shutdown",
    "jobs.watch.queues",
    "jobs.watch.reporter",
    "jobs.watch.tallies",
    # {% if cookiecutter.schedule == "database" %}
    "jobs.schedule",
    # {% endif %}
]


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = "Background jobs"

    def ready(self) -> None:
        for module in CONNECTED:
            import_module(module)
        if traces.on():
            traces.start()
