"""A small shop: products, orders for them, uploaded price lists, and the sales of each day."""

from __future__ import annotations

import uuid

from django.core.validators import MinValueValidator, ProhibitNullCharactersValidator
from django.db import models

NO_NULLS = ProhibitNullCharactersValidator()  # PostgreSQL cannot store them


class Product(models.Model):
    sku = models.CharField("article number", max_length=40, unique=True, validators=[NO_NULLS])
    name = models.CharField(max_length=200, validators=[NO_NULLS])
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    stock = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    class Status(models.TextChoices):
        PLACED = "placed"
        RESERVED = "reserved"
        SOLD_OUT = "sold out"

    # The id is part of a link that anyone may open, so nobody must be able to guess it.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Derived from a key that the customer sends, so that sending the same form or request twice makes one order.
    key = models.CharField(max_length=64, unique=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    email = models.EmailField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PLACED)
    price = models.DecimalField("price of one", max_digits=10, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    receipt_sent_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"

    @property
    def settled(self) -> bool:
        """Return whether no job will change the order any more."""
        return self.status == self.Status.SOLD_OUT or self.receipt_sent_at is not None


class PriceList(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        REFUSED = "refused"

    file = models.FileField(upload_to="price-lists/")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    # The number of lines in the database. It is written in the same transaction as they are, so it is always true.
    lines_done = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.file} ({self.status})"


class DailySales(models.Model):
    day = models.DateField(unique=True)
    orders = models.PositiveIntegerField()
    revenue = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "daily sales"

    def __str__(self) -> str:
        return f"{self.day}: {self.revenue}"
