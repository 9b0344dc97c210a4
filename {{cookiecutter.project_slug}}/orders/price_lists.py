"""Price lists: CSV in UTF-8, a product on each line: article number, name, price."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import islice

from django.core.exceptions import ValidationError
from django.db.models.fields.files import FieldFile

from .models import Product

BATCH = 200  # lines in one transaction


class BadLineError(ValueError):
    """A line that is no product. The text names the line and says what is wrong with it."""


def batches(file: FieldFile, *, skip: int) -> Iterator[list[Product]]:
    """The products of the list, without the first `skip` lines, BATCH at a time. Raises BadLineError."""
    with file.open("rb") as raw:
        lines = enumerate(csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace")), start=1)
        remaining = islice(lines, skip, None)
        while batch := [_product(number, fields) for number, fields in islice(remaining, BATCH)]:
            yield batch


def save(products: list[Product]) -> None:
    """Write the products; those whose article number is known get the new name and price, and keep their stock."""
    latest = {product.sku: product for product in products}  # one statement may touch a row only once
    Product.objects.bulk_create(
        latest.values(), update_conflicts=True, unique_fields=["sku"], update_fields=["name", "price"]
    )


def _product(number: int, fields: list[str]) -> Product:
    try:
        sku, name, price = (field.strip() for field in fields)
        product = Product(sku=sku, name=name, price=Decimal(price))
        product.full_clean(validate_unique=False)
    except ValidationError as error:
        raise BadLineError(f"Line {number}: {'; '.join(error.messages)}") from error
    except InvalidOperation as error:
        raise BadLineError(f"Line {number}: {price!r} is not a price.") from error
    except ValueError as error:
        raise BadLineError(f"Line {number}: expected article number, name and price.") from error
    return product
