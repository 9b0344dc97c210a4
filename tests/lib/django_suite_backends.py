"""Put our backend in the place of Django's dummy and immediate ones, for Django's own tests."""

import asyncio
import concurrent.futures
from typing import Any

from django.db import connections

from djcelery_jobs.models import Job
from djcelery_jobs.tasks_backend import DurableBackend
from djcelery_jobs.testing import MemoryBroker

broker: MemoryBroker | None = None


class StoringBackend(DurableBackend):
    """Store jobs, and list them as the dummy backend does."""

    @property
    def results(self) -> list[Any]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._results()
        with concurrent.futures.ThreadPoolExecutor(1) as thread:  # Django's tests also ask in a coroutine
            return thread.submit(self._results_of_thread).result()

    def _results_of_thread(self) -> list[Any]:
        try:
            return self._results()
        finally:
            connections.close_all()

    def _results(self) -> list[Any]:
        return [self.get_result(str(pk)) for pk in Job.objects.order_by("created_at").values_list("pk", flat=True)]

    def clear(self) -> None:
        Job.objects.all().delete()
        broker.clear() if broker else None


class RunningBackend(StoringBackend):
    """Run each job at once, as a worker does."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        self.clear()
        result = super().enqueue(task, args, kwargs)
        broker.run_one()
        result.refresh()
        return result
