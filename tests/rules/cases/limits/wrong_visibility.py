# project/settings/base.py
CELERY_BROKER_URL = "redis://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 7200}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,  # DJC512
}

# project/settings/text.py
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": "7200"}  # DJC512

# project/settings/fine.py
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 7200}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": 7200}
