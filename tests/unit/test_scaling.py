"""Test the autoscaler's arithmetic by hand, and what it makes of three kinds of days."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

import make_scaling
from make_scaling import SYNC, Scaler, Trigger


@pytest.mark.parametrize(
    ("trigger", "value", "pods", "wanted"),
    [
        (Trigger(20, average=True), 0, 3, 0),
        (Trigger(20, average=True), 41, 1, 3),
        (Trigger(20, average=True), 65, 3, 3),  # 1.08 of what three pods stand for: near enough
        (Trigger(20, average=True), 67, 3, 4),
        (Trigger(60, average=False), 90, 4, 6),  # one and a half times too long: one and a half times the pods
        (Trigger(60, average=False), 30, 4, 2),
        (Trigger(60, average=False), 64, 4, 4),
    ],
)
def test_what_one_number_asks_for(trigger, value, pods, wanted):
    assert trigger.wants(value, pods) == wanted


def scaler(least: int, most: int = 10) -> Scaler:
    return Scaler(
        least=least, most=most, cooldown=60, window=60, pods_down=1, seconds_down=30,
        triggers=[Trigger(10, average=True), Trigger(5, average=True)],
    )  # fmt: skip


def course(made: Scaler, recorded: list[tuple[float, float]]) -> list[int]:
    """Return the pods after each look, for these recorded numbers."""
    return [made.look(look * SYNC, values) for look, values in enumerate(recorded)]


def test_the_number_that_asks_for_most_wins_within_the_bounds():
    assert course(scaler(1), [(0, 0), (30, 5), (10, 20)]) == [1, 3, 4]
    assert course(scaler(2, most=3), [(0, 0), (500, 0)]) == [2, 3]


def test_it_goes_up_by_four_or_by_twice():
    assert course(scaler(1, most=50), [(500, 0)] * 4) == [5, 10, 20, 40]


def test_it_goes_down_late_and_one_by_one():
    # 60 seconds in which three were wanted at least once, then one each 30 seconds.
    assert course(scaler(1), [(30, 0), *[(0, 0)] * 8]) == [3, 3, 3, 3, 2, 2, 1, 1, 1]


def test_the_last_pod_goes_when_nothing_has_asked_for_it_for_long_enough():
    assert course(scaler(0), [(0, 0), (1, 0), (0, 1), *[(0, 0)] * 5]) == [0, 1, 1, 1, 1, 1, 0, 0]


def test_it_reads_the_manifests():
    slow, report = make_scaling.scaler("slow"), make_scaling.scaler("report")

    assert (slow.least, report.least) == (1, 0)
    assert [each.average for each in slow.triggers] == [True, False, True]
    assert make_scaling.concurrency("slow") == 2


@pytest.mark.parametrize("story", [make_scaling.burst, make_scaling.steady, make_scaling.night])
def test_every_job_begins_and_the_pods_go_back_to_the_least(story):
    course, bounds = (
        story(),
        make_scaling.scaler({"burst": "slow", "steady": "fast", "night": "report"}[story.__name__]),
    )

    assert course.started == course.given
    assert (max(course.pods), course.pods[-1]) == (bounds.most, bounds.least)


def test_steady_work_keeps_enough_pods_to_wait_for_nothing():
    course = make_scaling.steady()

    assert max(course.age[600:2400]) < 5  # from five minutes after it began


def test_no_report_loses_its_pod():
    course = make_scaling.night()

    assert all(pods >= running for pods, running in zip(course.pods[901:], course.running[901:], strict=True))


def test_the_picture_is_what_the_manifests_make():
    assert make_scaling.picture() == make_scaling.PICTURE.read_text(encoding="utf-8"), (
        "run: python docs/make_scaling.py"
    )
