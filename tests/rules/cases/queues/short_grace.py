# project/settings.py
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60

# deploy/shop-worker.service
[Service]
TimeoutStopSec=20
ExecStart=/srv/shop/.venv/bin/celery -A project worker  # DJC809

# deploy/shop-slow.service
[Service]
ExecStart=/srv/shop/.venv/bin/celery -A project worker

# deploy/shop-worker@.service
[Service]
TimeoutStopSec=20
ExecStart=/srv/shop/.venv/bin/celery -A project worker -Q %i

# compose.yaml
services:
  one:  # DJC809
    command: celery -A project worker
  two:
    command: celery -A project worker
    stop_grace_period: 1m30s
  beat:
    command: celery -A project beat
