"""Writes docs/cli.md from the commands themselves: python docs/make_cli.py"""

from __future__ import annotations

from pathlib import Path

import click

from djcelery import main

PAGE = Path(__file__).parent / "cli.md"

HEAD = """\
# The command

<!-- Written by docs/make_cli.py from the commands; a test keeps it true. Change the commands, or that script. -->

Results go to stdout, everything else to stderr. There is no network access, no telemetry, and nothing is written
to your home folder. Colours appear on a terminal only, and not with `NO_COLOR` or `TERM=dumb`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; nothing was left behind |
| 2 | wrong usage: an unknown command, option or value, or a name that is missing |
| 129, 130, 143 | stopped by SIGHUP, Ctrl-C or SIGTERM; nothing was left behind |

Every error is one sentence and one hint. Should the command itself be at fault, it says so;
`DJCELERY_TRACEBACK=1` then shows where.
"""

NEW = """\
### Questions

On a terminal, and with no option given, a few questions are asked; Enter takes the default, and a choice is answered
by its name or its number. Any option at all, or no terminal, means no questions: the defaults are taken and printed.
Author and e-mail come from git's configuration where it has them.

### Answers from a file

`--answers FILE` reads TOML: one line an answer, at the top level or in a table `[answers]`. The `.djcelery.toml` of a
project is such a file. Options win over the file, and the name in PATH wins over `project_slug` in it.

```toml
broker = "rabbitmq"
sentry = false
```

### JSON

With `--json` the one thing on stdout is one object:

```json
{
  "success": true,
  "dry_run": false,
  "path": "/home/jane/shop",
  "answers": {"project_slug": "shop", "broker": "redis", "sentry": true},
  "files": [".djcelery.toml", ".env", "manage.py"],
  "next_steps": [{"run": "cd shop", "remark": ""}],
  "repeat": "uvx djcelery@0.1.0 new shop --broker redis",
  "notes": []
}
```

(lists shortened here), or, when it did not work, with the same exit codes as ever:

```json
{
  "success": false,
  "error": {"sentence": "'class' is a keyword of Python.", "hint": "Try: my_class", "exit_code": 1}
}
```

### What is written

The project appears under its name in one step, whole, or not at all. An existing folder must be empty. With git there
is a repository with a first commit, except inside another repository. `.env`, for this machine alone and ignored by
git, gets a secret key of its own. `.djcelery.toml` records the version, the answers and a hash of each file. The same
answers and version give the same bytes, from `djcelery new` as from plain `cookiecutter` and `cruft create`.
"""

CHECK = """\
The cache is in `djcelery` below `$XDG_CACHE_HOME` (`~/.cache` if that is not set), with one folder per project. Set
`DJCELERY_CACHE_DIR` to keep it elsewhere, for example in a folder that your CI keeps between jobs. If the folder cannot
be written, the check runs without a cache.

`check` runs none of the project's code unless you pass `--introspect`, and writes to nothing but its cache. `--fix`
also writes below the project's root, and `--write-baseline` to the file that you name; neither follows a link out of
the project. Control characters in names are printed as escapes such as `\\u001b`.
"""

COMPLETION = """\
## Completion in the shell

For an installed command (`uv tool install djcelery`, `pipx install djcelery`):

| shell | line | file |
|---|---|---|
| bash | `eval "$(_DJCELERY_COMPLETE=bash_source djcelery)"` | `~/.bashrc` |
| zsh | `eval "$(_DJCELERY_COMPLETE=zsh_source djcelery)"` | `~/.zshrc` |
| fish | `_DJCELERY_COMPLETE=fish_source djcelery \\| source` | `~/.config/fish/completions/djcelery.fish` |
"""

NOTES = {"new": NEW, "check": CHECK}


def help_of(*words: str) -> str:
    """Return a help page as an 80-column terminal would show it."""
    command: click.Command = main.cli
    settings = {"terminal_width": 80, "max_content_width": 80, **main.cli.context_settings}
    context = click.Context(command, info_name="djcelery", **settings)
    for word in words:
        found = main.cli.get_command(context, word)
        assert found is not None
        command = found
        context = click.Context(command, info_name=word, parent=context, **settings)
    return f"```console\n$ djcelery {' '.join([*words, '--help'])}\n{command.get_help(context)}\n```\n"


def text() -> str:
    """Return the whole page."""
    parts = [HEAD, help_of()]
    for name in main.COMMANDS:
        parts += [f"## djcelery {name}\n", help_of(name), *([NOTES[name]] if name in NOTES else [])]
    return "\n".join([*parts, COMPLETION])


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
