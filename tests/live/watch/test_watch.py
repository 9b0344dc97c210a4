"""Do what a person does on the page of the jobs, in a real browser, while real jobs run."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.live.watch.site import PATIENCE, WatchedSite

expect.set_options(timeout=PATIENCE)
BROKERS = pytest.mark.parametrize("watched", ["redis", "rabbitmq"], indirect=True)
# Clients try again for a moment, so it may depend on the moment which of them is said.
AWAY = re.compile("The broker (is down|does not answer)")
RECEIPT, RESERVE = "orders.tasks.send_receipt", "orders.tasks.reserve_stock"


@BROKERS
def test_an_order_is_watched_until_its_receipt_is_sent(site):
    page = site.page()
    expect(page.get_by_text("Every queue has a worker")).to_be_visible()
    before = page.locator("#chart-fast").inner_text()

    site.mail.hold()
    order = site.order("ann@example.com")
    in_flight = page.get_by_role("region", name="Running jobs")
    expect(in_flight).to_contain_text(RECEIPT)  # nobody loaded the page again
    site.mail.release()
    expect(in_flight).not_to_contain_text(RECEIPT)
    expect(page.locator("#chart-fast")).not_to_have_text(before)

    page.get_by_label("Find a job").fill(order)
    page.keyboard.press("Enter")
    rows = page.locator(".jobs-rows > li")
    expect(rows).to_have_count(2)
    for task in (RECEIPT, RESERVE):
        expect(rows.filter(has_text=task)).to_contain_text("done")


@BROKERS
def test_a_failure_is_seen_and_sent_again_by_keyboard(site):
    page = site.page()
    site.mail.misbehave.append("reject")
    order = site.order("bob@example.com")

    row = page.locator(".jobs-rows > li").filter(has_text=order)
    expect(row).to_contain_text("SMTPRecipientsRefused")
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text("Traceback")
    row.get_by_role("checkbox").check()
    again = row.get_by_role("button", name="again")
    again.focus()

    before = row.locator(".state").inner_text()
    expect(row.locator(".state")).not_to_have_text(before)  # it was refreshed, and what I did to it is still there
    expect(row.locator("pre")).to_be_visible()
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(again).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Send again?")).to_be_visible()
    assert site.mail.to("bob@example.com") == []
    page.get_by_role("button", name="Send again").press("Enter")
    expect(page.get_by_text("1 dead job sent again.")).to_be_visible()
    expect(row).to_have_count(0)

    page.get_by_label("Find a job").fill(order)
    page.get_by_role("button", name="Find").click()
    found = page.locator(".jobs-rows > li").filter(has_text=RECEIPT)
    while "done" not in found.locator(".state").inner_text():
        page.wait_for_timeout(500)
        page.reload()
    assert len(site.mail.to("bob@example.com")) == 1


@pytest.mark.parametrize(
    ("watched", "outage"), [("redis", "refuse"), ("redis", "freeze"), ("rabbitmq", "refuse")], indirect=["watched"]
)
def test_the_broker_goes_away_and_comes_back(site, outage):
    page = site.page()
    expect(page.get_by_text("Every queue has a worker")).to_be_visible()
    getattr(site.line, outage)()
    try:
        expect(page.locator("#jobs-problems")).to_contain_text(AWAY)
        expect(page.locator("#queue-fast")).to_contain_text("?")  # unknown, which is not none
        page.reload()  # and it still answers
        expect(page.locator("#jobs-problems")).to_contain_text(AWAY)
    finally:
        site.line.mend()
    expect(page.get_by_text("Every queue has a worker")).to_be_visible()


def test_a_worker_that_ends_is_missed(site):
    page = site.page()
    expect(page.get_by_text("Every queue has a worker")).to_be_visible()
    report = next(process for process in site.environment.processes if "worker-report" in process.log.name)
    report.end()
    try:
        expect(page.locator("#queue-report")).to_contain_text("no worker")
        expect(page.locator("#jobs-problems")).to_contain_text("manage.py worker report")
    finally:
        site.environment.worker("report")
    expect(page.get_by_text("Every queue has a worker")).to_be_visible()


def test_the_focus_stays_while_other_rows_come_and_go(site):
    page = site.page()
    orders = []
    for number in range(3):
        site.mail.misbehave.append("reject")
        orders.append(site.order(f"focus-{number}@example.com"))
        site.finished()
    rows = [page.locator(".jobs-rows > li").filter(has_text=order) for order in orders]
    expect(rows[2]).to_be_visible()
    button = rows[1].get_by_role("button", name="Discard")
    button.focus()
    site.environment.manage("jobs", "discard", (rows[2].get_attribute("id") or "")[4:])
    expect(rows[2]).to_have_count(0)
    expect(button).to_be_focused()
    site.environment.manage("jobs", "discard", "--all")
    expect(rows[1]).to_have_count(0)
    expect(page.get_by_role("heading", name="Latest dead letters")).to_be_focused()


def test_many_dead_letters_are_discarded_at_once(site):
    before = discards(site)
    for number in range(3):
        site.mail.misbehave.append("reject")
        site.order(f"many-{number}@example.com")
    page = site.page()
    rows = page.locator(".jobs-rows > li").filter(has_text="SMTPRecipientsRefused")
    expect(rows).to_have_count(3)

    page.get_by_role("button", name="Stop updates").click()
    page.get_by_role("button", name="Start updates").click()  # which refreshes at once: the box for all of them stays
    page.get_by_label("All on this page").check()
    page.locator(".jobs-actions").get_by_role("button", name="Discard").click()
    expect(page.locator(".jobs-rows > li")).to_have_count(3)
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("3 dead jobs discarded.")).to_be_visible()
    expect(page.get_by_text("There are no dead letters.")).to_be_visible()
    assert discards(site) - before == 3


def discards(site: WatchedSite) -> int:
    """Count the lines of the admin's log that say that a job was discarded."""
    return site.environment.number("SELECT count(*) FROM django_admin_log WHERE change_message LIKE '%Discarded%'")


def test_who_has_no_permission_is_refused_everywhere(site):
    site.staff("nobody")
    page = site.page("nobody")
    pages = ["", "now/", "jobs/", "tasks/", "failures/", "schedule/", "dead/", "find/?q=x"]
    for path in (*pages, "requeue/", "discard/", "cancel/", "run/", "pause/", "run-entry/"):
        answer = page.goto(f"{site.site}/admin/djcelery_jobs/overview/{path}")
        assert answer
        assert answer.status == 403
    page.goto(f"{site.site}/admin/")
    expect(page.get_by_text("Background jobs")).to_have_count(0)


def test_it_rests_while_nobody_looks_and_when_it_is_told_to(site):
    page = site.page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Stop updates").click()
    page.wait_for_load_state("load")
    asked.clear()
    page.wait_for_timeout(6000)
    assert asked == []
    page.get_by_role("button", name="Start updates").click()
    expect(page.get_by_role("button", name="Stop updates")).to_be_visible()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true});document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(1000)  # for the answer to what was asked a moment ago
    asked.clear()
    page.wait_for_timeout(6000)
    assert asked == []


def test_a_queue_is_paused_and_resumed(site):
    page = site.page()
    page.get_by_role("button", name="Pause the queue email").click()
    expect(page.get_by_text("The queue email is paused.")).to_be_visible()
    expect(page.locator("#jobs-problems")).to_contain_text("Every queue has a worker")  # paused is not broken
    order = site.order("paused@example.com")
    page.goto(f"{site.site}/admin/djcelery_jobs/overview/jobs/?text={order}&queue=email")
    row = page.locator(".jobs-rows > li")
    while not row.count():  # until its stock is reserved
        page.wait_for_timeout(500)
        page.reload()
    expect(row).to_contain_text("waiting")
    assert site.mail.to("paused@example.com") == []

    page.goto(f"{site.site}/admin/djcelery_jobs/overview/")
    page.locator("#queue-email").get_by_role("button", name="Resume the queue email").click()
    expect(page.get_by_text("The queue email is resumed.")).to_be_visible()
    site.finished()
    assert len(site.mail.to("paused@example.com")) == 1


def test_a_delayed_job_is_cancelled_from_its_page(site):
    site.environment.shell(
        "from orders.tasks import send_receipt\nsend_receipt.apply_async(['not-an-order'], countdown=3600)"
    )
    page = site.page()
    page.goto(f"{site.site}/admin/djcelery_jobs/overview/jobs/?state=delayed&text=not-an-order")
    page.locator(".jobs-rows > li").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Its life")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1 delayed job cancelled.")).to_be_visible()
    expect(page.locator(".jobs-facts")).to_contain_text("cancelled by boss")  # one stays where one was
