# project/settings.py
from kombu import Exchange, Queue

LETTERS = {
    "x-dead-letter-exchange": "dead",  # DJC813
    "alternate": "kept",
}
CELERY_BROKER_URL = "redis://localhost"
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"  # DJC813
CELERY_TASK_QUEUES = [
    Queue("fast", Exchange("fast"), routing_key="fast"),
    Queue("slow", queue_arguments=LETTERS),
    Queue("mail", queue_arguments={"x-max-priority": 10}),  # DJC813
    Queue("report", queue_arguments={}),
]
