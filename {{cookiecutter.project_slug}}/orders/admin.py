from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from .models import DailySales, Order, PriceList, Product


@admin.display(description="background jobs")
def jobs_of(row: Model) -> str:
    """Link to the jobs whose first argument is the row's id."""
    if row._state.adding:
        return "-"
    url = reverse("admin:djcelery_jobs_overview_find") + "?" + urlencode({"q": row.pk})
    return format_html('<a href="{}">Show the jobs</a>', url)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["sku", "name", "price", "stock"]
    search_fields = ["sku", "name"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["created_at", "product", "quantity", "email", "status", "receipt_sent_at", jobs_of]
    list_filter = ["status"]
    list_select_related = ["product"]
    search_fields = ["email"]
    readonly_fields = [jobs_of]


@admin.register(PriceList)
class PriceListAdmin(admin.ModelAdmin):
    list_display = ["created_at", "file", "status", "lines_done", "error", jobs_of]
    readonly_fields = [jobs_of]


@admin.register(DailySales)
class DailySalesAdmin(admin.ModelAdmin):
    list_display = ["day", "orders", "revenue"]
