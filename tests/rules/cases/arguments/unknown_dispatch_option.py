from celery import current_app, shared_task


@shared_task
def index(pk): ...


def place(pk, options):
    index.apply_async(args=[pk], countdwon=3)  # DJC205
    index.apply_async(args=[pk], pk=3)  # DJC205
    index.apply_async(args=[pk], tenant=3)  # DJC205
    index.apply_async(args=[pk], countdown=3, queue="x", headers={}, **options)
    index.apply_async_on_commit(args=[pk], queu="fast")  # DJC205
    current_app.send_task("x.y", args=[pk], kwarg={})  # DJC205
    current_app.send_task(name="x.y", args=[pk])
