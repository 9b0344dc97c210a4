"""The pages and the API, with the jobs that they dispatch."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from orders import forms
from orders.models import DailySales, Order, PriceList, Product
from orders.services import place_order
from orders.tasks import reserve_stock
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client, django_user_model) -> User:
    user = django_user_model.objects.create_superuser("boss")
    client.force_login(user)
    return user


def form_data(**changes):
    return {"product": "TEA-01", "quantity": "2", "email": "ann@example.com", "key": "once", **changes}


@pytest.mark.django_db(transaction=True)  # commit for real, so that each job dispatches the next
def test_an_order_goes_through_its_queues(client, tea, broker, mailoutbox):
    response = client.post("/", form_data())

    assert response.status_code == 302
    assert [(run.task, run.queue) for run in broker.drain()] == [
        ("orders.tasks.reserve_stock", "fast"),
        ("orders.tasks.send_receipt", "email"),
    ]
    assert len(mailoutbox) == 1


def test_an_order_is_done_in_the_background(client, tea, committed, mailoutbox):
    with committed():
        response = client.post("/", form_data())

    page = client.get(response.url)
    assert page.context["order"].settled
    assert b"Receipt sent to ann@example.com" in page.content
    assert len(mailoutbox) == 1


def test_the_same_form_twice_is_one_order(client, tea, committed, mailoutbox):
    for _ in range(2):
        with committed():
            client.post("/", form_data())

    assert Order.objects.count() == 1
    assert len(mailoutbox) == 1


def test_the_page_reloads_until_the_jobs_are_done(client, order):
    assert b'http-equiv="refresh"' in client.get(f"/orders/{order.pk}").content


def test_an_order_that_is_rolled_back_sends_nothing(tea, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:  # a rollback never runs them
        place_order(product=tea, quantity=1, email="ann@example.com", key="x")

    assert len(callbacks) == 1
    assert sum(broker.waiting().values()) == 0


@pytest.mark.parametrize("wrong", [{"quantity": "0"}, {"email": "ann"}, {"product": "NO-SUCH"}])
def test_a_wrong_form_orders_nothing(client, tea, wrong):
    response = client.post("/", form_data(**wrong))

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not Order.objects.exists()


def test_an_empty_shop_says_how_to_add_products(client, capsys):
    assert b"manage.py seed" in client.get("/").content
    call_command("seed")
    call_command("seed")
    assert Product.objects.count() == 3
    assert b"Teapot" in client.get("/").content


def api(client, data, **headers):
    return client.post("/api/orders", data, content_type="application/json", headers=headers)


def test_the_api_answers_at_once_and_links_to_the_order(client, tea, committed):
    with committed():
        response = api(client, form_data())

    assert response.status_code == 202
    assert client.get(response.json()["url"]).json()["status"] == "reserved"


def test_an_idempotency_key_makes_a_repeated_request_one_order(client, tea):
    ids = [api(client, form_data(), **{"Idempotency-Key": "k1"}).json()["id"] for _ in range(2)]

    assert ids[0] == ids[1]
    assert Order.objects.count() == 1


def test_an_idempotency_key_belongs_to_one_customer(client, tea):
    orders = [
        api(client, form_data(email=email), **{"Idempotency-Key": "1"}).json()["id"]
        for email in ("ann@example.com", "bob@example.com")
    ]

    assert len({*orders}) == Order.objects.count() == 2


HOSTILE = ["\xff", "[" * 4900, '{"a":' * 1900, '{"quantity": ' + "9" * 5000 + "}", '{"email": "a\\u0000@b.example"}']


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "null", "{}", '{"quantity": []}', "x" * 20_000, *HOSTILE])
def test_the_api_refuses_nonsense(client, tea, body):
    response = client.post("/api/orders", body.encode("latin-1"), content_type="application/json")

    assert response.status_code == 400
    assert response.json()["errors"]


def test_unknown_orders_are_not_found(client):
    assert client.get(f"/orders/{uuid.uuid4()}").status_code == 404
    assert client.get(f"/api/orders/{uuid.uuid4()}").status_code == 404


def test_an_uploaded_price_list_is_imported_in_the_background(client, staff, committed):
    file = SimpleUploadedFile("prices.csv", b"A,Apple,1.00\n")
    with committed():
        response = client.post("/prices", {"file": file})

    assert b"Done: 1 line imported." in client.get(response.url).content
    assert Product.objects.get().sku == "A"


def test_a_price_list_that_is_too_large_is_refused(client, staff, monkeypatch):
    monkeypatch.setattr(forms, "MAX_PRICE_LIST", 5)

    response = client.post("/prices", {"file": SimpleUploadedFile("prices.csv", b"A,Apple,1.00\n")})

    assert response.context["form"].errors["file"]
    assert not PriceList.objects.exists()


def test_an_upload_of_a_stranger_is_refused_before_it_is_read(monkeypatch, django_user_model):
    monkeypatch.setattr("django.http.request.HttpRequest._load_post_and_files", pytest.fail)
    client = Client(enforce_csrf_checks=True)
    assert client.post("/prices", {"file": SimpleUploadedFile("prices.csv", b"A")}).status_code == 302
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert client.post("/prices", {"file": SimpleUploadedFile("prices.csv", b"A")}).status_code == 403


def test_an_upload_needs_a_csrf_token(staff):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post("/prices", {"file": SimpleUploadedFile("prices.csv", b"A")}).status_code == 403


def test_the_admin_has_pages_for_each_model(client, staff, order):
    DailySales.objects.create(day="2030-01-02", revenue=5, orders=1)
    PriceList.objects.create(file="a.csv")
    for model in ("order", "product", "pricelist", "dailysales"):
        assert client.get(f"/admin/orders/{model}/").status_code == 200
        assert client.get(f"/admin/orders/{model}/add/").status_code == 200


def test_the_admin_links_from_an_order_to_its_jobs(client, staff, tea, broker):
    placed = place_order(product=tea, quantity=1, email="ann@example.com", key="x")
    reserve_stock.delay(str(placed.pk))
    page = client.get(f"/admin/orders/order/{placed.pk}/change/").text
    link = page.partition("/admin/djcelery_jobs/overview/find/?q=")[2].partition('"')[0]

    assert "orders.tasks.reserve_stock" in client.get(f"/admin/djcelery_jobs/overview/find/?q={link}").text
