# Procfile
one: celery -A project worker -Q fast
two: celery -A project worker -Q slow  # DJC808
three: celery -A project worker -Q mail -n mail@%h
four: celery -A project worker -Q mail --hostname=mail@%h  # DJC808
beat: celery -A project beat

# compose.yaml
services:
  one:
    command: celery -A project worker
  two:
    command: celery -A project worker
