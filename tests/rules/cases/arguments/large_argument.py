from celery import shared_task

from shop.models import Order


@shared_task
def load(data): ...


def upload(request, path, key):
    load.delay(request.FILES["x"].read())  # DJC212
    load.delay(request.body.decode())  # DJC212
    text = path.read_text()
    load.delay(text)  # DJC212
    load.delay(list(Order.objects.all().values()))  # DJC212
    load.delay(list(Order.objects.filter(pk=1).values()))
    load.delay(key)
    load.delay(request.POST["x"])
    load.delay(key.read)
