# project/settings.py
INSTALLED_APPS = []

# Procfile
bounded: celery -A project worker --max-tasks-per-child=100
threads: celery -A project worker -P threads
open: celery -A project worker  # DJC810
