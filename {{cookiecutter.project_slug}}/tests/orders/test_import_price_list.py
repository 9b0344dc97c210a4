from decimal import Decimal

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import ContentFile

from orders import price_lists
from orders.models import PriceList, Product
from orders.tasks import import_price_list


@pytest.fixture
def upload(db):
    def upload(text: str) -> PriceList:
        return PriceList.objects.create(file=ContentFile(text.encode(), name="prices.csv"))

    return upload


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(price_lists, "BATCH", 2)


LINES = "A,Apple,1.00\nB,Bread,2.50\nC,Cake,3.00\nD,Dill,0.80\nE,Egg,0.40\n"


def test_imports_every_line(upload):
    price_list = upload(LINES)

    import_price_list(price_list.pk)

    price_list.refresh_from_db()
    assert (price_list.status, price_list.lines_done) == (PriceList.Status.DONE, 5)
    assert Product.objects.get(sku="B").price == Decimal("2.50")


def test_known_products_keep_their_stock(upload):
    Product.objects.create(sku="A", name="Old apple", price=9, stock=7)

    import_price_list(upload("A,Apple,1.00\nA,Apple again,1.10\n").pk)

    apple = Product.objects.get()
    assert (apple.name, apple.price, apple.stock) == ("Apple again", Decimal("1.10"), 7)


def test_continues_where_the_last_run_was_killed(upload, monkeypatch):
    price_list = upload(LINES)
    save, saved = price_lists.save, []

    def killed_in_the_second_batch(batch):
        if len(saved) == 2:
            raise KeyboardInterrupt
        save(batch)
        saved.extend(batch)

    monkeypatch.setattr(price_lists, "save", killed_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        import_price_list(price_list.pk)
    price_list.refresh_from_db()
    assert price_list.lines_done == Product.objects.count() == 2

    monkeypatch.setattr(price_lists, "save", lambda batch: (saved.extend(batch), save(batch)))
    import_price_list(price_list.pk)
    assert [product.sku for product in saved] == ["A", "B", "C", "D", "E"]


def test_of_two_runs_at_once_one_stops(upload, monkeypatch):
    price_list = upload(LINES)
    save, saved = price_lists.save, []

    def the_other_run_comes_first(batch):
        saved.extend(batch)
        save(batch)
        PriceList.objects.update(lines_done=4)

    monkeypatch.setattr(price_lists, "save", the_other_run_comes_first)
    import_price_list(price_list.pk)

    assert len(saved) == 2
    price_list.refresh_from_db()
    assert price_list.status == PriceList.Status.WAITING  # the other run finishes it


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("C,Cake,much", "Line 3: 'much' is not a price."),
        ("C,Cake", "Line 3: expected article number, name and price."),
        ("C,Cake,1.234", "Line 3: Ensure that there are no more than 2 decimal places."),
        ("C,,1", "Line 3: This field cannot be blank."),
        ("C,Cake,-1", "Line 3: Ensure this value is greater than or equal to 0."),
        ("C,Cake,NaN", "Line 3: “NaN” value must be a decimal number."),
        ("C\0,Cake,1", "Line 3: Null characters are not allowed."),
        ("C," + "x" * 200_000 + ",1", "Line 3: field larger than field limit (131072)."),
    ],
    ids=["price", "fields", "decimals", "blank", "negative", "nan", "null", "huge"],
)
def test_a_bad_line_fails_once_and_says_why(upload, broker, line, why):
    price_list = upload(f"A,Apple,1.00\nB,Bread,2.50\n{line}\n")
    import_price_list.delay(price_list.pk)

    assert len(broker.drain()) == 1

    price_list.refresh_from_db()
    assert (price_list.status, price_list.error) == (PriceList.Status.REFUSED, why)


def test_a_long_error_is_cut_to_fit_its_column(upload):
    price_list = upload("C" * 41 + "\0," + "x" * 201 + "\0,123456789.123\n")

    import_price_list(price_list.pk)

    price_list.refresh_from_db()
    assert (price_list.status, len(price_list.error)) == (PriceList.Status.REFUSED, 200)


def test_a_run_that_is_out_of_time_is_continued(upload, broker, monkeypatch):
    price_list = upload(LINES)
    save = price_lists.save

    def slow_once(batch):
        monkeypatch.setattr(price_lists, "save", save)
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(price_lists, "save", slow_once)
    import_price_list.delay(price_list.pk)

    assert [run.queue for run in broker.drain()] == ["slow", "slow"]
    price_list.refresh_from_db()
    assert price_list.status == PriceList.Status.DONE


def test_a_list_that_is_gone_or_done_is_no_error(upload):
    price_list = upload(LINES)
    import_price_list(price_list.pk)
    Product.objects.all().delete()

    import_price_list(price_list.pk)
    import_price_list(price_list.pk + 1)

    assert not Product.objects.exists()
