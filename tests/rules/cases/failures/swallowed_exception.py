import logging

from celery import shared_task

logger = logging.getLogger(__name__)


@shared_task
def a(pk):
    try:
        work(pk)
    except Exception:  # DJC401
        logger.exception("failed")


@shared_task
def b(pk):
    try:
        work(pk)
    except:  # DJC401
        return


@shared_task
def c(pks):
    for pk in pks:
        try:
            work(pk)
        except Exception as error:  # DJC401
            logger.error("failed: %s", error)


@shared_task(bind=True)
def d(self, pk):
    try:
        work(pk)
    except Exception as error:
        raise self.retry(exc=error)


@shared_task
def e(pk):
    try:
        work(pk)
    except OSError:
        pass


@shared_task
def f(pk):
    try:
        work(pk)
    except Exception as error:
        mark_failed(pk, error)


@shared_task
def g(pk):
    try:
        work(pk)
    except Exception as error:
        return {"error": str(error)}


@shared_task
def h(pk):
    try:
        work(pk)
    except Exception:
        logger.exception("failed")
        raise


def i(pk):
    try:
        work(pk)
    except Exception:
        pass
