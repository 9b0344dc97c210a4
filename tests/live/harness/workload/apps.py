"""Watch what runs, where the environment asks for it: watching costs time, which the benchmarks measure."""

import os
from importlib import import_module

from django.apps import AppConfig

WATCHERS = {"WORKLOAD_RECORD_STARTS": "workload.record_starts", "WORKLOAD_WITNESS": "workload.witness"}


class WorkloadConfig(AppConfig):
    name = "workload"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for variable, module in WATCHERS.items():
            if os.environ.get(variable):
                import_module(module)  # it connects itself
