"""Test the page on a phone and in the dark, without scripts, and for eyes that need contrast."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.live.watch.site import PHONE, WIDE

# Each text with its colour on what lies beneath it: the ratio of WCAG 2, and the least that AA allows for its size.
CONTRASTS = """
() => {
  const channels = (colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const beneath = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("main *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (!text || !element.checkVisibility() || element.closest("svg")) continue;
    const style = getComputedStyle(element);
    const [one, two] = [luminance(channels(style.color)), luminance(beneath(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    found.push({ text: text.slice(0, 40), ratio: (one + 0.05) / (two + 0.05), least });
  }
  return found;
}
"""
CUT_OFF = "Array.from(document.querySelectorAll('.jobs-scroll'), (each) => each.scrollWidth - each.clientWidth)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # of axe
LOOKS = pytest.mark.parametrize("scheme", ["light", "dark"])
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])


@pytest.fixture
def failed(site) -> str:
    """Return an order whose receipt failed for good."""
    site.mail.misbehave.append("reject")
    return site.order("eve@example.com")


@LOOKS
@SIZES
def test_it_can_be_read(site, failed, scheme, size):
    page = site.page(color_scheme=scheme, viewport=size)
    for row in open_everything(page, failed):
        expect(row.locator("pre")).to_be_visible()
        texts = page.evaluate(CONTRASTS)
        assert len(texts) > 5
        assert [each for each in texts if each["ratio"] < each["least"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@LOOKS
@SIZES
def test_the_other_pages_can_be_read_and_axe_finds_nothing(site, failed, scheme, size):
    page = site.page(color_scheme=scheme, viewport=size)
    for path in ("", "jobs/?state=done", "tasks/", "failures/", "schedule/", "jobs/"):
        page.goto(f"{site.site}/admin/djcelery_jobs/overview/{path}")
        is_fine(page, size["width"])
    page.locator(".jobs-rows > li").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Its life")).to_be_visible()
    is_fine(page, size["width"])


def is_fine(page: Page, width: int) -> None:
    assert [each for each in page.evaluate(CONTRASTS) if each["ratio"] < each["least"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [over for over in page.evaluate(CUT_OFF) if over > 0] == []
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES}).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def open_everything(page: Page, order: str):
    """Yield the row of the order's failure on each page that has it, with its traceback open."""
    for path in ("", "dead/", f"find/?q={order}"):
        page.goto(page.url.partition("/admin/")[0] + f"/admin/djcelery_jobs/overview/{path}")
        row = page.locator(".jobs-rows > li").filter(has_text=order).filter(has_text="Refused")
        while not row.count():
            page.wait_for_timeout(500)
            page.reload()
        row.locator("summary").click()
        yield row


def test_it_works_without_scripts(site, failed):
    page = site.page(java_script_enabled=False)
    for row in open_everything(page, failed):
        expect(row.locator("pre")).to_contain_text("Traceback")
    row.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("1 dead job discarded.")).to_be_visible()
