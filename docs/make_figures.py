"""Write the figures of the benchmarks into the docs: python -m docs.make_figures

Each table stands between `<!-- figures: NAME -->` and `<!-- /figures -->` and is made from `benchmarks/results/*.json`,
which the benchmarks write. A block stays as it is while a result that it needs is missing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import RESULTS, markdown

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / f"{page}.md" for page in ("guarantees", "capacity", "django-tasks", "about/benchmarks")]
BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
RAW = "RESULTS"  # stands for the folder of the results in a link, until it is known on which page the link is
BROKERS = {"redis": "Redis", "rabbitmq": "RabbitMQ"}
Figures = dict[str, Any]


class MissingResultError(Exception):
    """Say that a benchmark has not saved its figures yet."""


def result(name: str) -> Figures:
    """Return the figures that a benchmark saved."""
    file = RESULTS / f"{name}.json"
    if not file.exists():
        raise MissingResultError(name)
    figures: Figures = json.loads(file.read_text())["figures"]
    return figures


def source(*names: str, **other_versions: str) -> str:
    """Say on what and when the figures of these benchmarks were measured.

    other_versions: of what the benchmark itself installs.
    """
    results = [json.loads((RESULTS / f"{name}.json").read_text()) for name in names]
    dates = sorted({one["date"] for one in results})
    machine, versions = results[-1]["machine"], results[-1]["versions"] | other_versions
    wanted = ("Python", "Django", "celery", "PostgreSQL", "Valkey", "RabbitMQ")
    said = ", ".join(f"{name.capitalize() if name == 'celery' else name} {versions[name]}" for name in wanted)
    raw = "raw figures: " + ", ".join(f"[{name}.json]({RAW}/{name}.json)" for name in names)
    return f"\nMeasured {' and '.join(dates)} on {machine['cores']} cores ({machine['processor']}); {said}; {raw}.\n"


# -- Blocks --------------------------------------------------------------------------------------------------------


def promises() -> str:
    """Return a figure or two for each promise of the README, as far as they are saved."""

    def faults(broker: str, scenario: str) -> Figures:
        found: Figures = result(f"faults-{broker}-postgres")[scenario]
        return found

    def outages(broker: str) -> list[Figures]:
        return [row for name, row in result("outage").items() if name.startswith(broker)]

    cells: dict[str, Callable[[str], object]] = {
        "durable jobs while everything is killed: dispatched": lambda b: faults(b, "faults")["dispatched"],
        "lost / doubled": lambda b: _lost_and_doubled(faults(b, "faults")),
        "plain late-ack jobs, the same faults: lost / doubled": lambda b: _lost_and_doubled(faults(b, "contrast")),
        "broker down or frozen for 20 s: failed requests": lambda b: sum(row["failed"] for row in outages(b)),
        "longest wait of a request then": lambda b: f"{max(row['longest_wait'] for row in outages(b)):.1f} s",
        "starts of a job that kills its process, before it is given up": lambda b: max(faults(b, "poison")["starts"]),
        "other jobs given up beside it": lambda b: faults(b, "poison")["condemned"],
    }
    rows = []
    for text, cell in cells.items():
        values = [_or_not_measured(cell, broker) for broker in BROKERS]
        if set(values) != {NOT_MEASURED}:
            rows.append([text, *values])
    names = [f"faults-{broker}-postgres" for broker in BROKERS] + ["outage"]
    return markdown(["", *BROKERS.values()], rows) + source(*names)


NOT_MEASURED = "not measured"


def _or_not_measured(cell: Callable[[str], object], broker: str) -> object:
    """Return a cell for one broker. A scenario that was not saved is no reason to leave the others out."""
    try:
        return cell(broker)
    except KeyError:
        return NOT_MEASURED


SCENARIOS = {
    "faults": "everything is killed, the broker's data deleted once",
    "killed": "two workers killed that held 32 jobs",
    "poison": "two jobs that kill their process or worker",
    "many-poisons": "six jobs that kill their whole worker",
    "rolling": "all workers ended by SIGTERM every 5 s",
    "broker": "broker down for 25 s, all processes of a worker killed before",
    "database": "database down for 20 s",
    "frozen": "database frozen for 11 s",
    "web": "every third web process killed after its commit",
    "contrast": "everything is killed, plain late-ack jobs",
}


def faults() -> str:
    """Return a row for each scenario, with the figures of both brokers."""
    results = {name: result(f"faults-{broker}-postgres") for broker, name in BROKERS.items()}
    rows = [
        [text, f"`{scenario}`", *(_scenario(figures[scenario]) for figures in results.values())]
        for scenario, text in SCENARIOS.items()
        if all(scenario in figures for figures in results.values())
    ]
    head = ["lost / doubled of dispatched", "`--only`", *results]
    return markdown(head, rows) + source(*(f"faults-{broker}-postgres" for broker in BROKERS))


def _scenario(figures: Figures) -> str:
    if "innocents" in figures:
        return (
            f"{figures['condemned']} of {figures['innocents']} others given up, after {max(figures['starts'])} starts"
        )
    text = f"{_lost_and_doubled(figures)} of {figures['dispatched']:,}"
    if "all_began_again_within" in figures:
        text += f", all began again within {figures['all_began_again_within']:.1f} s"
    return text + (f", {figures['refused']} refused with an error" if figures.get("refused") else "")


def _lost_and_doubled(figures: Figures) -> str:
    return f"{figures['lost']} / {figures['doubled']}"


def outage() -> str:
    """Return a row for each kind of outage."""
    rows = [
        [
            name.replace("redis", "Redis")
            .replace("rabbitmq", "RabbitMQ")
            .replace("refuse", "refuses")
            .replace("freeze", "hangs"),
            f"{row['rate']:.1f}",
            row["failed"],
            row["lost"],
            f"{row['longest_wait']:.2f}",
            f"{row['p99_ms_once_noticed']:.0f}",
            f"{row['back_to_done']:.1f}",
        ]
        for name, row in result("outage").items()
    ]
    head = [
        "",
        "orders a second",
        "failed",
        "lost",
        "longest wait, s",
        "p99 once noticed, ms",
        "from its return to the last job, s",
    ]
    return markdown(head, rows) + source("outage")


def isolation() -> str:
    """Return how long short jobs wait in both layouts."""
    waits = result("isolation")
    rows = [
        [
            name,
            _ms(waits["apart"][name]),
            _ms(waits["together"][name]),
            f"1/{waits['together'][name] / waits['apart'][name]:,.0f}",
        ]
        for name in waits["apart"]
    ]
    head = ["ms that a short job waits", "one process for each class", "one worker, one queue", "ratio"]
    return markdown(head, rows) + source("isolation")


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def beats() -> str:
    """Return a row for each broker and kind of schedule."""
    rows = [
        [
            name,
            f"{row['runs_per_slot']:.2f}",
            row["runs_by_the_clock"],
            f"{row['longest_takeover']:.1f}",
            f"{row['hung_leaves_after']:.1f}",
            row["runs_for_missed"],
        ]
        for name, row in result("beats").items()
    ]
    head = [
        "broker, schedule", "runs per slot", "runs of minutes", "longest takeover, s", "one that hung leaves after, s",
        "runs for 5 missed slots",
    ]  # fmt: skip
    return markdown(head, rows) + source("beats")


def rows() -> str:
    """Return a row for each pass over many rows, and for each bulk dispatch."""
    figures = result("rows")
    passes = [
        [name, f"{row['rows']:,}", f"{row['ms']:,.0f}", row["statements"]]
        for name, row in figures["passes"].items()
        if isinstance(row["rows"], int)
    ]
    return markdown(["pass", "rows taken", "ms", "statements"], passes) + source("rows")


def cost() -> str:
    """Return a row for each way to run a job that does nothing."""
    figures = result("cost")
    ways = [
        [
            name,
            f"{way['cpu_ms']:.2f}",
            f"{way['jobs_to_the_peers']:.2f}x",
            f"{way['rate']:,.0f}",
            f"{way['publishing_ms']:.2f}",
        ]
        for name, way in figures["ways"].items()
    ]
    head = [
        "a job that does nothing",
        "worker CPU, ms",
        "jobs for the same CPU, to the peer's",
        "jobs a second",
        "publishing, CPU ms",
    ]
    return markdown(head, ways) + source("cost")


def tasks() -> str:
    """Return a row for each backend of django.tasks under each fault."""
    figures = result("tasks")
    columns = ("enqueued", "lost", "doubled", "unexpected", "stuck", "refused")
    rows = [
        [backend, fault, *(found[column] for column in columns)]
        for backend, faults in figures["backends"].items()
        for fault, found in faults.items()
    ]
    return markdown(["backend", "fault", *columns], rows) + source("tasks", Django="6.1", Python="3.12")


def dispatch() -> str:
    """Return what one dispatch takes beside the least that it could do, and what many in one transaction take."""
    figures = result("dispatch")
    one, bulk = figures["one"], figures["bulk"]

    def ratio(unit: str) -> float:
        pairs = zip(one["durable"], one["row_and_message"], strict=True)
        return median(own[unit] / least[unit] for own, least in pairs)

    names = {"durable": "a durable job", "row": "an INSERT of its row", "row_and_message": "the INSERT and a plain job"}
    rows = [
        [name, *(f"{median(each[unit] for each in one[key]):.2f}" for unit in UNITS)] for key, name in names.items()
    ]
    rows.append(["the first to the third", *(f"{ratio(unit):.2f}x" for unit in UNITS)])
    many = [
        [BULK[how], *(f"{taken[name]:.{digits}f}" for name, digits in BULK_FIGURES.items())]
        for how, taken in bulk.items()
    ]
    head = ["s to the commit", "s after it", "memory, MiB", "longest time without a begin, s"]
    count = f"{figures['many']:,}"
    single = markdown(["dispatched one by one", "ms", "CPU ms"], rows)
    return f"{single}\n{markdown([f'{count} in one transaction', *head], many)}" + source("dispatch")


UNITS = ("wall_ms", "cpu_ms")
BULK = {"many": "`apply_async_many`", "loop": "a loop with `delay`"}
BULK_FIGURES = {"to_commit_s": 1, "after_commit_s": 2, "memory_mb": 0, "pause_s": 1}


def idle() -> str:
    """Return how soon a job begins where nothing else runs, and what memory and CPU a worker takes then."""
    figures = result("idle")
    rows = [
        [
            IDLE[name],
            f"{median(ms):.1f}",
            f"{sorted(ms)[int(len(ms) * 0.99)]:.1f}",
            *(f"{figures['memory_mb'][name][kind]:.0f}" for kind in ("main", "child")),
        ]
        for name, ms in figures["ms"].items()
    ]
    head = ["", "commit to begin, ms: p50", "p99", "memory of the main process, MiB", "of each other, MiB"]
    taken = ", ".join(f"{name} {percent:.2f}" for name, percent in figures["idle_percent"].items())
    return f"{markdown(head, rows)}\nPercent of a core with nothing to do: {taken}.\n" + source("idle")


IDLE = {"durable": "a durable job", "plain": "a plain job", "peer": "the settings of the most used Django template"}


def replacement() -> str:
    """Return how long no job began when a process was replaced."""
    figures = result("replacement")
    rows = [
        [count, f"{max(pauses[0] for pauses in found):.2f}", f"{median(pauses[0] for pauses in found):.2f}"]
        for count, found in figures["pauses_s"].items()
    ]
    return markdown(["processes", "longest time without a begin, s", "median of the rounds, s"], rows) + source(
        "replacement"
    )


def scale() -> str:
    """Return what more processes bring."""
    figures = result("scale")
    counts = list(next(iter(figures.values())))
    rows = [
        [kind, *(f"{rates[count] / rates[counts[0]]:.2f}x" for count in counts[1:])] for kind, rates in figures.items()
    ]
    return markdown(["jobs in a second, to those with one process", *(f"with {c}" for c in counts[1:])], rows) + source(
        "scale"
    )


def growth() -> str:
    """Return what waiting jobs cost those that come."""
    figures = result("growth-redis")
    least, *_, most = figures
    rows = [[step, f"{figures[most][step] / figures[least][step]:.1f}x"] for step in figures[least]]
    head = [f"beside {int(most):,} waiting jobs, to beside {int(least):,}", "Redis and PostgreSQL"]
    return markdown(head, rows) + source("growth-redis")


def hosts() -> str:
    """Return what partitions between hosts cost."""
    rows = []
    for broker, name in BROKERS.items():
        figures = result(f"hosts-{broker}")
        schedule = figures["schedule"]
        cut = f"{figures['seconds_cut']:g} s"
        lost = f"{_lost_and_doubled(figures)} of {figures['dispatched']:,}"
        rows.append([name, cut, lost, f"{schedule['doubled']} of {schedule['runs']}", schedule["senders"]])
    head = ["", "each link cut for", "jobs lost / doubled", "runs of the schedule doubled", "hosts that sent runs"]
    return markdown(head, rows) + source(*(f"hosts-{broker}" for broker in BROKERS))


def peers() -> str:
    """Return a row for each job system: its CPU for a job, its jobs a second, and what dispatching takes the caller."""
    from benchmarks.bench_peers import ENGINES, MANY  # here, because it imports what the live tests need

    figures = result("peers")
    packages, raw = figures["packages"], figures["raw"]

    def middle(engine: str, what: str, name: str) -> float:
        return median(rounds[name] for rounds in raw[engine][what])

    rows = [
        [
            PEERS.get(engine.name, f"{engine.name} {{}}").format(packages[engine.name].get(engine.name, "")).strip(),
            engine.promise,
            f"{middle(engine.name, 'noop 2', 'cpu_ms'):.2f}",
            f"{middle(engine.name, 'add_one 2', 'cpu_ms'):.2f}",
            f"{middle(engine.name, 'noop 4', 'rate'):,.0f}",
            f"{middle(engine.name, 'dispatch one', 'wall_ms'):.2f}",
            f"{middle(engine.name, 'dispatch many', 'wall_ms'):.2f}",
        ]
        for engine in ENGINES
    ]
    head = [
        "",
        "after a kill",
        "CPU ms, job that does nothing",
        "CPU ms, one UPDATE",
        "jobs a second, 4 at a time",
        "dispatch one, ms",
        f"dispatch {MANY:,} at once, ms each",
    ]
    return markdown(head, rows) + source("peers")


PEERS = {
    "durable": "djcelery, a durable task",
    "plain": "djcelery, a plain task",
    "celery": "Celery {}, with its results in the Django database",
}


def pages() -> str:
    """Return a row for each page of the admin, beside few rows and beside many."""
    figures = result("pages")
    few, many = figures
    rows = [
        [name, f"{least['ms']:.0f}", f"{figures[many][name]['ms']:.0f}", figures[many][name]["statements"]]
        for name, least in figures[few].items()
    ]
    head = ["page", f"CPU ms, {int(few):,} rows", f"CPU ms, {int(many):,} rows", "statements"]
    return markdown(head, rows) + source("pages")


def controls() -> str:
    """Return how pauses, cancellations and actions on many jobs held on each broker."""
    figures = result("controls")
    brokers = [broker for broker in BROKERS if broker in figures]  # each is measured by itself

    def cell(value: float | None) -> str:
        if value is None:
            return "not measured"
        return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"

    rows = [[text, *(cell(figures[broker].get(name)) for broker in brokers)] for name, text in CONTROLS.items()]
    return markdown(["", *(BROKERS[broker] for broker in brokers)], rows) + source("controls")


CONTROLS = {
    "paused jobs": "jobs of a paused queue, through five kills of workers, beat and broker",
    "starts while paused": "of these, started before the pause ended",
    "cancels": "jobs cancelled at about the moment of their end",
    "cancelled": "of these, cancelled",
    "cancelled with effect": "cancelled, and their effect is there",
    "done without effect": "done, and their effect is not there",
    "slowest cancel, s": "longest time that a cancelled job went on, s",
    "sent again": "dead jobs sent again with one confirmation, and done",
    "doubled": "of these, done twice",
    "all done after, s": "from the confirmation to the last of them, s",
    "longest in another queue, s": "meanwhile, longest time from dispatch to end of a job in another queue, s",
    "longest in the same queue, s": "the same in their queue, s",
    "page, median ms": "meanwhile, a page of the admin, median ms",
    "page, p95 ms": "the same, 95 of 100 within, ms",
}


BLOCKS: dict[str, Callable[[], str]] = {
    "promises": promises,
    "faults": faults,
    "outage": outage,
    "isolation": isolation,
    "beats": beats,
    "rows": rows,
    "cost": cost,
    "tasks": tasks,
    "dispatch": dispatch,
    "idle": idle,
    "replacement": replacement,
    "scale": scale,
    "growth": growth,
    "hosts": hosts,
    "peers": peers,
    "pages": pages,
    "controls": controls,
}


# -- Pages ---------------------------------------------------------------------------------------------------------


def filled(page: Path) -> str:
    """Return the text of a page with each block made again, as far as its results are there."""
    results = os.path.relpath(ROOT / "benchmarks" / "results", page.parent)

    def fill(match: re.Match[str]) -> str:
        opening, name, old, closing = match.groups()
        try:
            return f"{opening}\n{BLOCKS[name]().replace(f'({RAW}/', f'({results}/')}\n{closing}"
        except MissingResultError:
            return f"{opening}{old}{closing}"

    return BLOCK.sub(fill, page.read_text(encoding="utf-8"))


def names(pages: Sequence[Path] = PAGES) -> list[str]:
    """Return the names of all blocks that stand on these pages."""
    return [match[2] for page in pages for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def main() -> None:
    for page in PAGES:
        page.write_text(filled(page), encoding="utf-8")


if __name__ == "__main__":
    main()
