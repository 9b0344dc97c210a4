# project/settings.py
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60

# compose.yaml
services:
  one:  # DJC809
    command: celery -A project worker
  two:
    command: celery -A project worker
    stop_grace_period: 1m30s
  beat:
    command: celery -A project beat
