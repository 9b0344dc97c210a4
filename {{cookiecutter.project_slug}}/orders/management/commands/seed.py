"""`manage.py seed`: put a few products into an empty shop."""

from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand

from orders.models import Product

PRODUCTS = [
    ("TEA-01", "Green tea", "4.50", 100),
    ("CUP-01", "Cup", "9.90", 40),
    ("POT-01", "Teapot", "34.00", 3),
]


class Command(BaseCommand):
    help = "Put a few products into an empty shop. Does nothing if there are products."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Product.objects.exists():
            Product.objects.bulk_create(
                Product(sku=sku, name=name, price=Decimal(price), stock=stock) for sku, name, price, stock in PRODUCTS
            )
            self.stdout.write(f"The shop was empty. It now sells {len(PRODUCTS)} products.")
