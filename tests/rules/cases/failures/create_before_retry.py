from celery import shared_task

from shop.models import Payment


@shared_task(acks_late=True)
def a(pk):
    Payment.objects.create(pk=pk)  # DJC414
    Payment.objects.get_or_create(pk=pk)


@shared_task
def b(pk):
    Payment.objects.create(pk=pk)
