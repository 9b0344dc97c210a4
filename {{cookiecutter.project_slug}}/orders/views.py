"""The pages and the API of the shop. Each answers at once: it writes rows and leaves the work to jobs."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .forms import OrderForm, PriceListForm
from .models import Order, PriceList, Product
from .services import accept_price_list, place_order

MAX_JSON = 10_000  # bytes


@require_http_methods(["GET", "POST"])
def shop(request: HttpRequest) -> HttpResponse:
    """Show the products and a form to order one."""
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("order", place_order(**form.cleaned_data).pk)
    context = {"form": form, "products": Product.objects.all(), "debug": settings.DEBUG}
    return render(request, "orders/shop.html", context)


@require_GET
def order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Show the state of an order. The page reloads until the order's jobs are done."""
    context = {"order": get_object_or_404(Order.objects.select_related("product"), pk=order_id)}
    return render(request, "orders/order.html", context)


@csrf_exempt  # the API uses no session, so another site has nothing to misuse
@require_POST
def api_orders(request: HttpRequest) -> JsonResponse:
    """Place an order: {"product": article number, "quantity": 1, "email": "..."}.

    With an Idempotency-Key header, a repeated request of the same customer is the same order.
    """
    data = _json_object(request)
    if data is None:
        return JsonResponse({"errors": {"body": ["Send one JSON object."]}}, status=400)
    key = request.headers.get("Idempotency-Key") or str(uuid.uuid4())
    form = OrderForm({**data, "key": key})
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    return JsonResponse(_as_json(place_order(**form.cleaned_data)), status=202)


@require_GET
def api_order(request: HttpRequest, order_id: uuid.UUID) -> JsonResponse:
    """Return the state of an order."""
    return JsonResponse(_as_json(get_object_or_404(Order, pk=order_id)))


def _json_object(request: HttpRequest) -> dict[str, Any] | None:
    """Return the object in the body, or None for anything else, however it was made to break a parser."""
    if len(request.body) > MAX_JSON:
        return None
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):  # not JSON or not UTF-8, a number of thousands of digits, deep nesting
        return None
    return data if isinstance(data, dict) else None


def _as_json(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.pk),
        "status": order.status,
        "receipt_sent_at": order.receipt_sent_at,
        "url": reverse("api-order", args=[order.pk]),
    }


# Checking the CSRF token reads the whole upload, so it comes last: strangers are refused before that.
@csrf_exempt
@login_required
@permission_required("orders.add_pricelist", raise_exception=True)
@csrf_protect
@require_http_methods(["GET", "POST"])
def upload_prices(request: HttpRequest) -> HttpResponse:
    """Accept a price list. The file goes into the storage, and a job imports its lines."""
    form = PriceListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return redirect("price-list", accept_price_list(form.cleaned_data["file"]).pk)
    return render(request, "orders/prices.html", {"form": form})


@login_required
@permission_required("orders.view_pricelist", raise_exception=True)
@require_GET
def price_list(request: HttpRequest, price_list_id: int) -> HttpResponse:
    """Show the progress of an import."""
    return render(request, "orders/prices.html", {"price_list": get_object_or_404(PriceList, pk=price_list_id)})
