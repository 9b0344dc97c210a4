# shop/jobs.py
from celery import shared_task
from django.db import close_old_connections, connection, connections, transaction
from djcelery_jobs import DurableTask


@shared_task(base=DurableTask)
def index(pk):
    close_old_connections()  # DJC116
    connection.close()  # DJC116
    transaction.on_commit(lambda: close_old_connections())


@shared_task(base=DurableTask, one_transaction=False)
def long(pk):
    close_old_connections()


@shared_task
def plain(pk):
    connections.close_all()
    with transaction.atomic():
        connections.close_all()  # DJC116
