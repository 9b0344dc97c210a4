"""Add the template as it is now to the released versions that the command carries: `python docs/make_releases.py`.

Run it once for each release, after the version was set; `djcelery update` of later versions merges from there.
"""

from __future__ import annotations

from djcelery import template
from djcelery.updating import releases


def main() -> None:
    """Add the version of this checkout. Raise SystemExit for an unreleased one."""
    if not template.private_values()["_released"]:
        raise SystemExit("This version has not been released.")
    releases.add(releases.own_version(), template.home())


if __name__ == "__main__":
    main()
