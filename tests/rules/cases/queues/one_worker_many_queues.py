# Procfile
one: celery -A project worker -Q fast,slow  # DJC807
two: celery -A project worker --queues=fast,slow  # DJC807
three: celery -A project worker -Q fast
four: celery -A project worker
