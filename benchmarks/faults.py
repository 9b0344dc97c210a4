"""The fault suite of tests/live/faults at full size: python benchmarks/faults.py --broker redis --database postgres

Each line of the table is one scenario on one fresh project with two workers of its class `fast` and beat, all
supervised. Counts decide about the exit code; times are figures. The last scenario is for contrast: the same storm
over a plain late-ack task, which promises nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "live" / "faults"), str(TESTS / "live"), str(TESTS)]

import scenarios  # noqa: E402
from rig import Outcome, Rig, rig  # noqa: E402
from storm import Storm, rage  # noqa: E402

STARTS = 4  # of a poison job: the first, and three that come back
FULL = Storm(
    jobs=5000, rate=18, longest=0.5, child_kills=30, worker_kills=30, broker_kills=3, wipes=1,
    database_restarts=2, publisher_kills=5, beat_kills=3,
)  # fmt: skip

Row = tuple[bool, str]


def storm(project: Rig, jobs: int) -> Row:
    return _kept(rage(project, _of(jobs, project.name), _progress))


def contrast(project: Rig, jobs: int) -> Row:
    """The same faults, by settings alone. It is no promise, so it cannot fail."""
    outcome = rage(project, dataclasses.replace(_of(jobs, project.name), tasks="plain"), _progress)
    return True, f"{_counts(outcome)}, {outcome.refused} refused with an error, no more effects came for 40 s"


def poison(project: Rig, jobs: int) -> Row:
    innocents = max(50, jobs // 10)
    found = scenarios.poison(project, innocents, ("child", "worker"))
    kept = found.starts == [STARTS] * 2 and (found.dead, found.done, found.condemned) == (2, innocents, 0)
    return kept, (
        f"starts {found.starts}, {found.dead} dead, {found.done} of {innocents} innocents done, "
        f"{found.condemned} condemned, {found.cut_off} runs cut off beside them, {found.seconds:.0f} s"
    )


def many_poisons(project: Rig, jobs: int) -> Row:
    """Six jobs that kill whole workers, among innocent jobs that take up to 3 s and are killed with them."""
    innocents = max(50, jobs // 30)
    found = scenarios.poison(project, innocents, ["worker"] * 6, rate=4, longest=3)
    kept = found.starts == [STARTS] * 6 and (found.dead, found.done, found.condemned) == (6, innocents, 0)
    return kept, (
        f"starts {found.starts}, {found.dead} dead, {found.done} of {innocents} innocents done, "
        f"{found.condemned} condemned, {found.cut_off} runs cut off beside them, {found.seconds:.0f} s"
    )


def rolling(project: Rig, jobs: int) -> Row:
    outcome = scenarios.rolling_restarts(project, 60 if jobs >= 1000 else 20)
    kept, text = _kept(outcome)
    return kept and not outcome.cut_off, text


def killed(project: Rig, jobs: int) -> Row:
    outcome, seconds = scenarios.killed_with_prefetched_jobs(project)
    return outcome.kept, f"{_counts(outcome)}, all began again within {seconds:.1f} s"


def broker(project: Rig, jobs: int) -> Row:
    outcome, harm = scenarios.broker_outage(project, 25)
    kept, text = _kept(outcome)
    return kept and not any(harm.values()), f"{text}, said by workers: {harm}"


def database(project: Rig, jobs: int) -> Row:
    outcome, failures = scenarios.database_outage(project, 20 if jobs >= 1000 else 5)
    kept, text = _kept(outcome)
    return kept and not failures, f"{text}, {failures} task_failure lines"


def still(project: Rig, jobs: int) -> Row:
    outcome, out_of_time = scenarios.database_stalls(project, 11)
    kept, text = _kept(outcome)
    return kept and bool(out_of_time), f"{text}, {out_of_time} runs out of time"


def web(project: Rig, jobs: int) -> Row:
    outcome, dead = scenarios.web_process_killed(project, 60 if jobs >= 1000 else 12)
    return outcome.kept, f"{dead} web processes killed, {_counts(outcome)}"


SCENARIOS: dict[str, Callable[[Rig, int], Row]] = {
    "storm": storm,
    "poison": poison,
    "many-poisons": many_poisons,
    "rolling": rolling,
    "killed": killed,
    "broker": broker,
    "database": database,
    "still": still,
    "web": web,
    "contrast": contrast,
}


def _of(jobs: int, name: str) -> Storm:
    """The full storm, or a part of it."""
    share = min(1.0, jobs / FULL.jobs)
    kinds = ("child_kills", "worker_kills", "broker_kills", "database_restarts", "publisher_kills", "beat_kills")
    counts = {kind: max(1, round(getattr(FULL, kind) * share)) for kind in kinds}
    numbers = round(jobs / (1 - FULL.rollbacks) * 1.01)  # so that about as many, and hardly fewer, are committed
    made = dataclasses.replace(FULL, jobs=numbers, **counts)
    if "sqlite" in name:  # one transaction at a time writes, so jobs must be short; and there is no server to restart
        return dataclasses.replace(made, database_restarts=0, longest=0.06)
    return made


def _kept(outcome: Outcome) -> Row:
    return outcome.kept, f"{_counts(outcome)}, {outcome.seconds:.1f} s from the last fault to the last job"


def _counts(outcome: Outcome) -> str:
    return (
        f"{outcome.asked} asked: {outcome.lost} lost, {outcome.doubled} doubled, {outcome.uncalled} rolled back but "
        f"done, {outcome.torn} torn, rows {outcome.states}, {outcome.cut_off} runs cut off"
    )


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--jobs", type=int, default=FULL.jobs, help="jobs in the storm; the rest follows from it")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario; may be repeated")
    options = parser.parse_args()
    names = options.only or list(SCENARIOS)
    if options.database == "sqlite" and "database" in names:
        names.remove("database")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with us
    missed = 0
    with rig(options.broker, options.database) as made:
        made.run_workers()
        made.run_beat()
        for name in names:
            made.crew.all_ready()
            made.clear()
            begun = time.monotonic()
            kept, text = SCENARIOS[name](made, options.jobs)
            missed += not kept
            verdict = "ok    " if kept else "BROKEN"
            print(f"{verdict} {made.name:22} {name:13} {time.monotonic() - begun:5.0f} s  {text}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
