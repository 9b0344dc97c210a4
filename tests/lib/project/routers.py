"""Route as a project with a read replica does, for all tests: nothing may ask the replica for a row of the jobs."""


class ReplicaRouter:
    """Read the rows of the job layer from a replica that is always behind: pytest-django lets no test query it."""

    def db_for_read(self, model, **hints):
        return "replica" if model._meta.app_label == "djcelery_jobs" else None

    def db_for_write(self, model, **hints):
        return "default"
