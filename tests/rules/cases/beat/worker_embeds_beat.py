# Procfile
web: gunicorn project.wsgi
worker: celery -A project worker -B -l info  # DJC604
other: celery -A project worker --beat  # DJC604
plain: celery -A project worker -l info -Q fast
Beat: celery -A project beat
bash: grep -B 3 celery worker

# compose.yaml
services:
  worker:  # DJC604
    command: ["celery", "-A", "project", "worker", "-lB"]
  plain:
    command: sh -c "celery -A project worker -Ofair"
