"""What the page and the API do. Both write their rows and dispatch the job; neither waits for it."""

from typing import Any

from django.core.files.base import File
from django.db import transaction

from .models import Order, PriceList, Product
from .tasks import import_price_list, reserve_stock


@transaction.atomic
def place_order(*, product: Product, quantity: int, email: str, key: str) -> Order:
    """The order with this key, made now or before. Its job is published when the transaction commits."""
    details: dict[str, Any] = {"product": product, "quantity": quantity, "email": email, "price": product.price}
    order, created = Order.objects.get_or_create(key=key, defaults=details)
    if created:
        reserve_stock.delay_on_commit(str(order.pk))
    return order


@transaction.atomic
def accept_price_list(file: File) -> PriceList:
    """Store the file and have it imported. The job gets the row's id, never what is in the file."""
    price_list = PriceList.objects.create(file=file)
    import_price_list.delay_on_commit(price_list.pk)
    return price_list
