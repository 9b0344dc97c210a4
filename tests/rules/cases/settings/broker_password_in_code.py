# project/settings/base.py
import os

CELERY_BROKER_URL = "amqp://shop:x7Gk2p@rabbit.example.org//"  # DJC707
CELERY_RESULT_BACKEND = os.environ.get("RESULTS", "redis://:x7Gk2p@redis.example.org:6379/1")  # DJC707

# project/settings/local.py
CELERY_BROKER_URL = "amqp://shop:x7Gk2p@rabbit.example.org//"

# project/settings/other.py
CELERY_BROKER_URL = "amqp://guest:guest@rabbit.example.org//"
CELERY_RESULT_BACKEND = "redis://:pw@redis:6379/1"

# project/settings/third.py
CELERY_BROKER_URL = "redis://redis.example.org"
