from django.contrib import admin

from .models import DailySales, Order, PriceList, Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["sku", "name", "price", "stock"]
    search_fields = ["sku", "name"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["created_at", "product", "quantity", "email", "status", "receipt_sent_at"]
    list_filter = ["status"]
    list_select_related = ["product"]
    search_fields = ["email"]


@admin.register(PriceList)
class PriceListAdmin(admin.ModelAdmin):
    list_display = ["created_at", "file", "status", "lines_done", "error"]


@admin.register(DailySales)
class DailySalesAdmin(admin.ModelAdmin):
    list_display = ["day", "orders", "revenue"]
