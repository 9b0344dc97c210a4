"""Photograph the jobs page: python -m docs.make_screenshots (needs what the live tests need, and Chromium)

A real shop runs, with orders, a mail server that rejects some addresses and is slow at the end, and one worker that
was ended. Only the hour before is made up, since nobody wants to wait for it.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.live.watch.site import PHONE, WIDE, WatchedSite, watched_site

FOLDER = Path(__file__).parent / "screenshots"
VIEWS = {"jobs": "jobs/", "tasks": "tasks/", "failures": "failures/", "schedule": "schedule/"}
HOUR = """
from datetime import timedelta
from random import Random
from django.utils import timezone
from djcelery_jobs.models import MinuteTally
now, chance = timezone.now().replace(second=0, microsecond=0), Random(7)
for queue, most in {"fast": 60, "email": 40, "slow": 3}.items():
    for ago in range(2, 60):
        busy = most * (1 + (30 - abs(ago - 25)) / 30) / 2
        MinuteTally.objects.update_or_create(queue=queue, minute=now - timedelta(minutes=ago), defaults={
            "done": int(busy * chance.uniform(0.5, 1)),
            "retried": chance.choice([0, 0, 0, 2]) if queue == "email" else 0,
            "failed": chance.choice([0] * 12 + [2]) if queue == "email" else 0,
        })
"""


def trouble(site: WatchedSite) -> None:
    """Cause failures, so that there is something to look at."""
    site.environment.manage("shell", "-c", HOUR)
    for number in range(20):
        if number % 9 == 8:
            site.mail.misbehave.append("reject")
        site.order(f"customer-{number}@example.com")
        site.finished()
    next(process for process in site.environment.processes if "worker-report" in process.log.name).end()
    site.mail.hold()
    for number in range(5):
        site.order(f"waiting-{number}@example.com")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with watched_site("redis") as site, site.fresh():
        trouble(site)
        for scheme in ("light", "dark"):
            for name, size in (("wide", WIDE), ("phone", PHONE)):
                page = site.page(color_scheme=scheme, viewport=size)
                expect(page.locator("#queue-report")).to_contain_text("no worker", timeout=60_000)
                page.screenshot(path=FOLDER / f"jobs-{scheme}-{name}.png", full_page=True)
        photograph_views(site)


def photograph_views(site: WatchedSite) -> None:
    """Photograph each of the other pages once."""
    site.environment.manage("jobs", "pause", "entry", "daily-sales")
    page = site.page(color_scheme="light", viewport=WIDE)
    for name, path in VIEWS.items():
        page.goto(f"{site.site}/admin/djcelery_jobs/overview/{path}")
        page.screenshot(path=FOLDER / f"view-{name}.png", full_page=name != "jobs")
    page.goto(f"{site.site}/admin/djcelery_jobs/overview/jobs/?state=dead")
    page.locator(".jobs-rows > li").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Its life")).to_be_visible()
    page.screenshot(path=FOLDER / "view-job.png", full_page=True)


if __name__ == "__main__":
    main()
