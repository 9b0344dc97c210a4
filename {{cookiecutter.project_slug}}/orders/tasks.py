"""The shop's jobs. Each takes an id, fetches the row itself, and says in its docstring why it may run twice.

A row that is gone by then ends the task quietly: there is nothing left to do, and a retry would not bring it back.
Which queue each one runs in is in settings/jobs.py.
"""

import logging
from datetime import date, timedelta
from smtplib import SMTPConnectError, SMTPServerDisconnected

from celery import shared_task
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, DecimalField, F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from djcelery_jobs import TRANSIENT_ERRORS, DurableTask

from . import price_lists
from .models import DailySales, Order, PriceList, Product

logger = logging.getLogger(__name__)

DAYS_TO_REPORT = 7


@shared_task(base=DurableTask)
def reserve_stock(order_id: str) -> None:
    """Take the ordered pieces out of the stock, or mark the order as sold out.

    Idempotent because the whole task is one transaction, in which its job becomes done: a second delivery finds it
    done. Dispatched twice, the second job finds the order no longer placed. Two orders for the last piece cannot
    both get it, because the condition is part of the update.
    """
    order = Order.objects.select_for_update().filter(pk=order_id, status=Order.Status.PLACED).first()
    if order is None:
        logger.info("nothing to reserve for order %s", order_id)
        return
    enough = Product.objects.filter(pk=order.product_id, stock__gte=order.quantity)
    reserved = enough.update(stock=F("stock") - order.quantity)
    order.status = Order.Status.RESERVED if reserved else Order.Status.SOLD_OUT
    order.save(update_fields=["status"])
    if reserved:
        send_receipt.delay_on_commit(order_id)


@shared_task(
    base=DurableTask,
    one_transaction=False,  # a transaction must not stay open while a mail server makes up its mind
    autoretry_for=(*TRANSIENT_ERRORS, SMTPConnectError, SMTPServerDisconnected),
)
def send_receipt(order_id: str) -> None:
    """Mail the receipt.

    A mail server takes part in no transaction, so a kill between sending and writing that down sends again. The
    second mail has the same Message-ID as the first, by which the receiving side knows it as the same mail.
    """
    order = Order.objects.select_related("product").filter(pk=order_id, receipt_sent_at=None).first()
    if order is None:
        logger.info("no receipt to send for order %s", order_id)
        return
    EmailMessage(
        subject=f"Your order: {order}",
        body=f"Thank you for your order of {order} at {order.price} each.\n",
        to=[order.email],
        headers={"Message-ID": f"<receipt-{order.pk}@orders>"},
    ).send()
    Order.objects.filter(pk=order_id).update(receipt_sent_at=timezone.now())


@shared_task(base=DurableTask, one_transaction=False)  # minutes of work: each batch is a transaction of its own
def import_price_list(price_list_id: int) -> None:
    """Take the prices of an uploaded list over, a batch of lines at a time.

    Idempotent and resumable by its counter: a batch and the number of lines done are one transaction, and the
    number moves on only from where this run saw it. After a kill, or when its time is up, the next run goes on
    there; of two runs at once, one loses each race and stops. A line that is wrong stays wrong, so it is not
    retried: the page shows it.
    """
    price_list = PriceList.objects.filter(pk=price_list_id, status=PriceList.Status.WAITING).first()
    if price_list is None:
        logger.info("no price list %s to import", price_list_id)
        return
    this_list = PriceList.objects.filter(pk=price_list_id)
    try:
        for batch in price_lists.batches(price_list.file, skip=price_list.lines_done):
            with transaction.atomic():
                done = price_list.lines_done
                price_list.lines_done += len(batch)
                if not this_list.filter(lines_done=done).update(lines_done=price_list.lines_done):
                    logger.info("price list %s is being imported elsewhere", price_list_id)
                    return
                price_lists.save(batch)
    except price_lists.BadLineError as error:
        this_list.update(status=PriceList.Status.REFUSED, error=str(error))
    else:
        this_list.update(status=PriceList.Status.DONE)


@shared_task(base=DurableTask)
def daily_sales() -> None:
    """Write the sales of each of the last days into the one row of that day.

    Idempotent because it computes each row from the orders, and a day has one row. It looks back several days, so
    a night on which nothing ran is made up for by the next.
    """
    today = timezone.localdate()
    for days_ago in range(1, DAYS_TO_REPORT + 1):
        _write_sales_of(today - timedelta(days=days_ago))


def _write_sales_of(day: date) -> None:
    money = DecimalField(max_digits=14, decimal_places=2)
    sales = Order.objects.filter(created_at__date=day, status=Order.Status.RESERVED).aggregate(
        orders=Count("pk"), revenue=Coalesce(Sum(F("price") * F("quantity"), output_field=money), 0, output_field=money)
    )
    DailySales.objects.update_or_create(day=day, defaults=sales)
