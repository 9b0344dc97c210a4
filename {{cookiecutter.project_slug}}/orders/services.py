"""Write rows and dispatch jobs for the pages and the API, without waiting for the jobs."""

import hashlib
from typing import Any

from django.core.files.base import File
from django.db import transaction

from .models import Order, PriceList, Product
from .tasks import import_price_list, reserve_stock


@transaction.atomic
def place_order(*, product: Product, quantity: int, email: str, key: str) -> Order:
    """Return the order that this customer placed with this key, and place it if there is none.

    The job is published when the transaction commits.
    """
    details: dict[str, Any] = {"product": product, "quantity": quantity, "email": email, "price": product.price}
    order, created = Order.objects.get_or_create(key=_key_of(email, key), defaults=details)
    if created:
        reserve_stock.delay_on_commit(str(order.pk))
    return order


def _key_of(email: str, key: str) -> str:
    """Return a key that belongs to one customer, so that nobody gets another's order by sending the same key."""
    return hashlib.sha256(f"{email}\n{key}".encode()).hexdigest()


@transaction.atomic
def accept_price_list(file: File) -> PriceList:
    """Store the file and dispatch its import. The job gets the row's id, never the content of the file."""
    price_list = PriceList.objects.create(file=file)
    import_price_list.delay_on_commit(price_list.pk)
    return price_list
