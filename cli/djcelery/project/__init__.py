"""Turn a Django + Celery code base into facts, without importing or running it."""
