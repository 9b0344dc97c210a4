from celery import chord, group, shared_task


@shared_task(ignore_result=True)
def quiet(pk): ...


@shared_task
def loud(pk): ...


def place(pks):
    chord(group(quiet.s(1), loud.s(2)))(loud.s())  # DJC710
    chord([loud.s(1), loud.s(2)])(quiet.s())
    chord([quiet.s(pk) for pk in pks])(loud.s())  # DJC710
    group([quiet.s(1)])()
