"""Read price lists: CSV in UTF-8 with one product per line, as article number, name and price."""

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
    """A line that is not a product. The text names the line and says what is wrong with it."""


def batches(file: FieldFile, *, skip: int) -> Iterator[list[Product]]:
    """Yield the products of the list, without the first `skip` lines, BATCH at a time. Raises BadLineError."""
    with file.open("rb") as raw:
        rows = enumerate(_rows(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace")), start=1)
        remaining = islice(rows, skip, None)
        while batch := [_product(number, fields) for number, fields in islice(remaining, BATCH)]:
            yield batch


def save(products: list[Product]) -> None:
    """Write the products. Products that exist get the new name and price, and keep their stock."""
    latest = {product.sku: product for product in products}  # one statement may change a row only once
    Product.objects.bulk_create(
        latest.values(), update_conflicts=True, unique_fields=["sku"], update_fields=["name", "price"]
    )


def _rows(lines: io.TextIOWrapper) -> Iterator[list[str]]:
    rows = csv.reader(lines)
    try:
        yield from rows
    except csv.Error as error:
        raise BadLineError(f"Line {rows.line_num}: {error}.") from error


def _product(number: int, fields: list[str]) -> Product:
    try:
        sku, name, price = (field.strip() for field in fields)
    except ValueError as error:
        raise BadLineError(f"Line {number}: expected article number, name and price.") from error
    try:
        product = Product(sku=sku, name=name, price=Decimal(price))
        product.full_clean(validate_unique=False)
    except ValidationError as error:
        raise BadLineError(f"Line {number}: {'; '.join(error.messages)}") from error
    except InvalidOperation as error:
        raise BadLineError(f"Line {number}: {price[:40]!r} is not a price.") from error
    return product
