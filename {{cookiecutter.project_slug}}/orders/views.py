"""The shop's pages and its API. Each answers at once: it writes rows and leaves the work to jobs."""

import json
import uuid
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .forms import OrderForm, PriceListForm
from .models import Order, PriceList, Product
from .services import accept_price_list, place_order

MAX_BODY = 10_000  # bytes


@require_http_methods(["GET", "POST"])
def shop(request: HttpRequest) -> HttpResponse:
    """The products and a form to order one."""
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("order", place_order(**form.cleaned_data).pk)
    return render(request, "orders/shop.html", {"form": form, "products": Product.objects.all()})


@require_GET
def order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """What has become of an order. The page loads itself again until its jobs are done."""
    found = get_object_or_404(Order.objects.select_related("product"), pk=order_id)
    return render(request, "orders/order.html", {"order": found})


@csrf_exempt  # it knows no session, so there is nothing that another site could misuse
@require_POST
def api_orders(request: HttpRequest) -> JsonResponse:
    """Place an order: {"product": article number, "quantity": 1, "email": "..."}. An Idempotency-Key header makes
    a repeated request the same order."""
    try:
        data = json.loads(request.body) if len(request.body) <= MAX_BODY else None
    except (UnicodeDecodeError, json.JSONDecodeError):
        data = None
    if not isinstance(data, dict):
        return JsonResponse({"errors": {"body": ["Send one JSON object."]}}, status=400)
    key = request.headers.get("Idempotency-Key") or str(uuid.uuid4())
    form = OrderForm({**data, "key": key})
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    return JsonResponse(_as_json(place_order(**form.cleaned_data)), status=202)


@require_GET
def api_order(request: HttpRequest, order_id: uuid.UUID) -> JsonResponse:
    return JsonResponse(_as_json(get_object_or_404(Order, pk=order_id)))


def _as_json(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.pk),
        "status": order.status,
        "receipt_sent_at": order.receipt_sent_at,
        "url": reverse("api-order", args=[order.pk]),
    }


@login_required
@permission_required("orders.add_pricelist", raise_exception=True)
@require_http_methods(["GET", "POST"])
def upload_prices(request: HttpRequest) -> HttpResponse:
    """Take a price list. The file goes into the storage, its rows go in by a job."""
    form = PriceListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return redirect("price-list", accept_price_list(form.cleaned_data["file"]).pk)
    return render(request, "orders/upload.html", {"form": form})


@login_required
@permission_required("orders.view_pricelist", raise_exception=True)
@require_GET
def price_list(request: HttpRequest, price_list_id: int) -> HttpResponse:
    """How far the import is."""
    return render(request, "orders/price_list.html", {"price_list": get_object_or_404(PriceList, pk=price_list_id)})
