from django.urls import path

from . import views

urlpatterns = [
    path("", views.shop, name="shop"),
    path("orders/<uuid:order_id>", views.order, name="order"),
    path("prices", views.upload_prices, name="upload-prices"),
    path("prices/<int:price_list_id>", views.price_list, name="price-list"),
    path("api/orders", views.api_orders, name="api-orders"),
    path("api/orders/<uuid:order_id>", views.api_order, name="api-order"),
]
