"""A Django + Celery code base as facts: found, read, never imported or run."""
