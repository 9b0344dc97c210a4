"""The jobs of the shop. Each docstring explains why the task is safe to run twice.

A task takes the id of a row and reads the row itself. If the row is gone, the task ends without an error: there is
nothing left to do, and a retry would not bring it back. settings/jobs.py says which queue each task uses.
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

    Safe to run twice: the whole task is one transaction, and it also marks its job as done, so a second delivery has
    no effect. If the job was dispatched twice, the second one finds that the order is no longer `placed`. Two orders
    cannot both get the last piece, because the update itself checks the stock.
    """
    order = Order.objects.select_for_update().filter(pk=order_id, status=Order.Status.PLACED).first()
    if order is None:
        logger.info("order %s is gone or not placed: nothing to reserve", order_id)
        return
    enough = Product.objects.filter(pk=order.product_id, stock__gte=order.quantity)
    reserved = enough.update(stock=F("stock") - order.quantity)
    order.status = Order.Status.RESERVED if reserved else Order.Status.SOLD_OUT
    order.save(update_fields=["status"])
    if reserved:
        send_receipt.delay_on_commit(order_id)


@shared_task(
    base=DurableTask,
    one_transaction=False,  # do not keep a transaction open while a mail server answers
    autoretry_for=(*TRANSIENT_ERRORS, SMTPConnectError, SMTPServerDisconnected),
)
def send_receipt(order_id: str) -> None:
    """Mail the receipt.

    Safe to run twice, with one exception: a mail server takes part in no transaction. If the process is killed after
    the mail was sent and before that is saved, the receipt is sent again. The second mail has the same Message-ID, so
    the recipient can drop it.
    """
    order = Order.objects.select_related("product").filter(pk=order_id, receipt_sent_at=None).first()
    if order is None:
        logger.info("order %s is gone or has its receipt: nothing to send", order_id)
        return
    EmailMessage(
        subject=f"Your order: {order}",
        body=f"Thank you for your order of {order} at {order.price} each.\n",
        to=[order.email],
        headers={"Message-ID": f"<receipt-{order.pk}@orders>"},
    ).send()
    Order.objects.filter(pk=order_id).update(receipt_sent_at=timezone.now())


@shared_task(base=DurableTask, one_transaction=False)  # it runs for minutes, so each batch is a transaction
def import_price_list(price_list_id: int) -> None:
    """Import the prices of an uploaded list, one batch of lines at a time.

    Safe to run twice: a batch and the number of imported lines are saved in one transaction, and the number changes
    only if it still is what this run has read. After a kill or a time limit, the next run continues from that number.
    If two runs work at once, one of them loses the race and stops. A bad line stays bad, so it is not retried: the
    page shows the error.
    """
    price_list = PriceList.objects.filter(pk=price_list_id, status=PriceList.Status.WAITING).first()
    if price_list is None:
        logger.info("price list %s is gone or finished: nothing to import", price_list_id)
        return
    this_list = PriceList.objects.filter(pk=price_list_id)
    try:
        for batch in price_lists.batches(price_list.file, skip=price_list.lines_done):
            with transaction.atomic():
                lines_before = price_list.lines_done
                price_list.lines_done += len(batch)
                if not this_list.filter(lines_done=lines_before).update(lines_done=price_list.lines_done):
                    logger.info("another run imports price list %s", price_list_id)
                    return
                price_lists.save(batch)
    except price_lists.BadLineError as error:
        this_list.update(status=PriceList.Status.REFUSED, error=str(error)[:200])
    else:
        this_list.update(status=PriceList.Status.DONE)


@shared_task(base=DurableTask)
def daily_sales() -> None:
    """Save the sales of each of the last days.

    Safe to run twice: each day has one row, and its values are computed from the orders. The task looks back several
    days, so the next run makes up for a night in which none ran.
    """
    today = timezone.localdate()
    for days_ago in range(1, DAYS_TO_REPORT + 1):
        _save_sales_of(today - timedelta(days=days_ago))


def _save_sales_of(day: date) -> None:
    money = DecimalField(max_digits=14, decimal_places=2)
    sales = Order.objects.filter(created_at__date=day, status=Order.Status.RESERVED).aggregate(
        orders=Count("pk"), revenue=Coalesce(Sum(F("price") * F("quantity"), output_field=money), 0, output_field=money)
    )
    DailySales.objects.update_or_create(day=day, defaults=sales)
