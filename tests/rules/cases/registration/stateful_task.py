from celery import shared_task

done = 0
seen = []


class Shop:
    last = None


@shared_task
def a(pk):
    global done
    done += 1  # DJC313
    Shop.last = pk  # DJC313


@shared_task
def b(pk):
    done = 1
    shop = Shop()
    shop.last = pk
    return done


def c():
    global done
    done = 2
