from decimal import Decimal

import pytest

from orders.models import Order, Product


@pytest.fixture
def tea(db) -> Product:
    return Product.objects.create(sku="TEA-01", name="Green tea", price=Decimal("4.50"), stock=10)


@pytest.fixture
def order(tea) -> Order:
    return Order.objects.create(key="an order", product=tea, quantity=2, email="ann@example.com", price=tea.price)
