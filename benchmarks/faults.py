"""Run the fault suite of tests/live/faults at full size: python -m benchmarks.faults --broker redis --database postgres

Each line of the table is one scenario on one fresh project with two workers of its class `fast` and beat, all
supervised, with the settings as they are generated. Counts decide about the exit code; times are figures. The last
scenario is for contrast: all faults over a plain late-ack task, which promises nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import save, saved
from tests.live.faults import scenarios
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.faults import FUNCTIONS, FaultPlan, run_faults
from tests.live.harness.project import AS_GENERATED
from tests.live.harness.report import Outcome

STARTS = 4  # of a poison job: the first, and three that come back
BESIDE_OTHERS = 2  # starts of a poison job before it runs alone: SUSPECT_STARTS
FULL = FaultPlan(
    jobs=5000, rate=18, longest=0.5, child_kills=30, worker_kills=30, broker_kills=3, wipes=1,
    database_restarts=2, dispatcher_kills=5, beat_kills=3, pauses=5, cancels=10,
)  # fmt: skip

Row = tuple[bool, dict[str, Any]]  # whether the promise was kept, and the figures


def all_faults(environment: Environment, jobs: int) -> Row:
    plan = _plan(jobs, environment.name)
    return _judged(run_faults(environment, plan, _progress), faults=_counts_of(plan))


def functions(environment: Environment, jobs: int) -> Row:
    """Run the same faults over Django's `@task`."""
    plan = dataclasses.replace(_plan(jobs, environment.name), tasks=FUNCTIONS)
    return _judged(run_faults(environment, plan, _progress), faults=_counts_of(plan))


def contrast(environment: Environment, jobs: int) -> Row:
    """Run the same faults over a task that has nothing but its settings. It is no promise, so it cannot fail."""
    plan = dataclasses.replace(_plan(jobs, environment.name), tasks="plain")
    return True, _figures(run_faults(environment, plan, _progress))


def poison(environment: Environment, jobs: int) -> Row:
    innocents = max(50, jobs // 10)
    return _poisoned(scenarios.poison(environment, innocents, ("child", "worker")), innocents)


def many_poisons(environment: Environment, jobs: int) -> Row:
    """Run six jobs that kill whole workers, among innocent jobs of up to 3 s that are killed with them."""
    innocents = max(50, jobs // 30)
    return _poisoned(scenarios.poison(environment, innocents, ["worker"] * 6, rate=4, longest=3), innocents)


def rolling(environment: Environment, jobs: int) -> Row:
    intact, figures = _judged(scenarios.rolling_restarts(environment, 60 if jobs >= 1000 else 20))
    return intact and not figures["interrupted"], figures


def killed(environment: Environment, jobs: int) -> Row:
    outcome, seconds = scenarios.killed_with_prefetched_jobs(environment)
    return _judged(outcome, all_began_again_within=seconds)


def broker(environment: Environment, jobs: int) -> Row:
    outcome, harm = scenarios.broker_outage(environment, 25)
    intact, figures = _judged(outcome, logged_by_workers=harm)
    return intact and not any(harm.values()), figures


def database(environment: Environment, jobs: int) -> Row:
    outcome, failures = scenarios.database_outage(environment, 20 if jobs >= 1000 else 5)
    intact, figures = _judged(outcome, failures_logged=failures)
    return intact and not failures, figures


def frozen(environment: Environment, jobs: int) -> Row:
    outcome, out_of_time = scenarios.database_freezes(environment, 11)
    intact, figures = _judged(outcome, runs_out_of_time=out_of_time)
    return intact and bool(out_of_time), figures


def web(environment: Environment, jobs: int) -> Row:
    outcome, dead = scenarios.web_process_killed(environment, 60 if jobs >= 1000 else 12)
    return _judged(outcome, web_processes_killed=dead)


SCENARIOS: dict[str, Callable[[Environment, int], Row]] = {
    "faults": all_faults,
    "functions": functions,
    "poison": poison,
    "many-poisons": many_poisons,
    "rolling": rolling,
    "killed": killed,
    "broker": broker,
    "database": database,
    "frozen": frozen,
    "web": web,
    "contrast": contrast,
}


def _plan(jobs: int, name: str) -> FaultPlan:
    """Return the full plan, or a part of it."""
    share = min(1.0, jobs / FULL.jobs)
    kinds = ("child_kills", "worker_kills", "broker_kills", "database_restarts", "dispatcher_kills", "beat_kills")
    kinds += ("pauses", "cancels")
    counts = {kind: max(1, round(getattr(FULL, kind) * share)) for kind in kinds}
    numbers = round(jobs / (1 - FULL.rollbacks) * 1.01)  # so that about as many, and hardly fewer, are committed
    plan = dataclasses.replace(FULL, jobs=numbers, **counts)
    if "sqlite" in name:  # one transaction at a time writes, so jobs must be short; and there is no server to restart
        return dataclasses.replace(plan, database_restarts=0, cancels=0, longest=0.06)
    return plan


def _counts_of(plan: FaultPlan) -> dict[str, int]:
    numbers = dataclasses.asdict(plan).items()
    return {
        name: number for name, number in numbers if name.endswith(("kills", "wipes", "restarts", "pauses", "cancels"))
    }


def _judged(outcome: Outcome, **more: Any) -> Row:
    return outcome.is_intact, _figures(outcome) | more


def _figures(outcome: Outcome) -> dict[str, Any]:
    return dataclasses.asdict(outcome)


def _poisoned(found: scenarios.Poisoned, innocents: int) -> Row:
    wanted = [STARTS] * len(found.starts)
    counts = found.dead, found.done, found.condemned
    kept = found.counted == wanted and _has_left_lines(found.starts) and counts == (len(wanted), innocents, 0)
    return kept, dataclasses.asdict(found) | {"innocents": innocents}


def _has_left_lines(starts: list[int]) -> bool:
    """Return whether the jobs left a line for each start; one beside others may be ended before it has done so."""
    least = STARTS if len(starts) == 1 else STARTS - BESIDE_OTHERS
    return all(least <= left <= STARTS for left in starts)


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--jobs", type=int, default=FULL.jobs, help="jobs among all faults; the rest follows from it")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario; may be repeated")
    options = parser.parse_args()
    names = options.only or list(SCENARIOS)
    if options.database == "sqlite":
        names = [name for name in names if name not in ("database", "frozen")]
    file, full = f"faults-{options.broker}-{options.database}", options.jobs == FULL.jobs
    missed = 0
    with running_environment(options.broker, options.database, policy=AS_GENERATED) as environment:
        environment.supervise_workers()
        environment.supervise_beat()
        for name in names:
            environment.supervisor.all_ready()
            environment.clear()
            begun = time.monotonic()
            kept, figures = SCENARIOS[name](environment, options.jobs)
            missed += not kept
            took = time.monotonic() - begun
            verdict = "ok    " if kept else "BROKEN"
            print(f"{verdict} {environment.name:22} {name:13} {took:5.0f} s  {figures}", flush=True)
            save(file, saved(file) | {name: {"kept": kept, "took": round(took), **figures}}, full=full)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
