from celery import shared_task


@shared_task
def invite(pk, password): ...  # DJC209


@shared_task
def call(pk, api_key=None): ...  # DJC209


@shared_task
def safe(pk, password_changed, token_id, notify_password_users): ...


def plain(password): ...
