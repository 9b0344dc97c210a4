"""The page and the API, up to the jobs that they cause."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from orders import forms
from orders.models import Order, PriceList, Product
from orders.services import place_order
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client, django_user_model) -> User:
    user = django_user_model.objects.create_superuser("boss")
    client.force_login(user)
    return user


def form_data(**changes):
    return {"product": "TEA-01", "quantity": "2", "email": "ann@example.com", "key": "once", **changes}


@pytest.mark.django_db(transaction=True)  # commits for real, so that each job dispatches the next
def test_an_order_goes_through_its_queues(client, tea, broker, mailoutbox):
    answer = client.post("/", form_data())

    assert answer.status_code == 302
    assert [(run.task, run.queue) for run in broker.drain()] == [
        ("orders.tasks.reserve_stock", "fast"),
        ("orders.tasks.send_receipt", "email"),
    ]
    assert len(mailoutbox) == 1


def test_an_order_is_done_in_the_background(client, tea, committed, mailoutbox):
    with committed():
        answer = client.post("/", form_data())

    page = client.get(answer.url)
    assert page.context["order"].settled
    assert b"Receipt sent to ann@example.com" in page.content
    assert len(mailoutbox) == 1


def test_the_same_form_twice_is_one_order(client, tea, committed, mailoutbox):
    for _ in range(2):
        with committed():
            client.post("/", form_data())

    assert Order.objects.count() == 1
    assert len(mailoutbox) == 1


def test_the_page_waits_while_jobs_are_to_do(client, order):
    assert b'http-equiv="refresh"' in client.get(f"/orders/{order.pk}").content


def test_an_order_that_is_rolled_back_sends_nothing(tea, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:  # as a rollback does: they are never run
        place_order(product=tea, quantity=1, email="ann@example.com", key="x")

    assert len(callbacks) == 1
    assert sum(broker.waiting().values()) == 0


@pytest.mark.parametrize("wrong", [{"quantity": "0"}, {"email": "ann"}, {"product": "NO-SUCH"}])
def test_a_wrong_form_orders_nothing(client, tea, wrong):
    answer = client.post("/", form_data(**wrong))

    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not Order.objects.exists()


def test_an_empty_shop_says_how_to_fill_it(client, capsys):
    assert b"manage.py seed" in client.get("/").content
    call_command("seed")
    call_command("seed")
    assert Product.objects.count() == 3
    assert b"Teapot" in client.get("/").content


def api(client, data, **headers):
    return client.post("/api/orders", data, content_type="application/json", headers=headers)


def test_the_api_answers_at_once_and_tells_where_to_look(client, tea, committed):
    with committed():
        answer = api(client, form_data())

    assert answer.status_code == 202
    assert client.get(answer.json()["url"]).json()["status"] == "reserved"


def test_an_idempotency_key_makes_a_repeated_request_one_order(client, tea):
    answers = [api(client, form_data(), **{"Idempotency-Key": "k1"}).json()["id"] for _ in range(2)]

    assert answers[0] == answers[1]
    assert Order.objects.count() == 1


@pytest.mark.parametrize("body", ["", "[]", "{", "\xff", '"x"', "null", "{}", '{"quantity": []}', "x" * 20_000])
def test_the_api_refuses_nonsense(client, tea, body):
    answer = client.post("/api/orders", body.encode("latin-1"), content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_unknown_orders_are_not_found(client):
    assert client.get(f"/orders/{uuid.uuid4()}").status_code == 404
    assert client.get(f"/api/orders/{uuid.uuid4()}").status_code == 404


def test_price_lists_need_permission(client, django_user_model):
    assert client.get("/prices").status_code == 302
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert client.get("/prices").status_code == 403


def test_an_uploaded_price_list_is_imported_in_the_background(client, staff, committed):
    file = SimpleUploadedFile("prices.csv", b"A,Apple,1.00\n")
    with committed():
        answer = client.post("/prices", {"file": file})

    assert b"1 line taken over, done" in client.get(answer.url).content
    assert Product.objects.get().sku == "A"


def test_a_price_list_that_is_too_large_is_refused(client, staff, monkeypatch):
    monkeypatch.setattr(forms, "MAX_PRICE_LIST", 5)

    answer = client.post("/prices", {"file": SimpleUploadedFile("prices.csv", b"A,Apple,1.00\n")})

    assert answer.context["form"].errors["file"]
    assert not PriceList.objects.exists()


@pytest.mark.parametrize("model", ["order", "product", "pricelist", "dailysales"])
def test_the_admin_lists_it(client, staff, order, model):
    assert client.get(f"/admin/orders/{model}/").status_code == 200
