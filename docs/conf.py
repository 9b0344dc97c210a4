"""Configure the documentation site: Sphinx with the theme Furo, from this folder and the pages beside it.

Build it with ``sphinx-build --fail-on-warning --nitpicky --conf-dir docs . site``, which needs the extra ``docs``.
"""

from __future__ import annotations

import os

project = "djcelery"
author = "the djcelery contributors"
copyright = author  # noqa: A001 (Sphinx's name)

extensions = ["myst_parser", "sphinx_llms_txt"]
# The root of the repository is the source, so that a link to README.md or CHANGELOG.md leads to a page of the site too.
root_doc = "docs/index"
ROOT_PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "lib/README.md"]
include_patterns = ["docs/**.md", *ROOT_PAGES]
exclude_patterns = [".*", "{{*", "site", "benchmarks", "cli", "hooks", "lib/djcelery_jobs", "tests"]
source_suffix = {".md": "markdown"}

# GitHub makes an anchor of each heading; links between pages use the same ones.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"  # search, and a dark mode that follows the system
html_title = "djcelery"
html_copy_source = True
llms_txt_summary = "Background jobs in Django that are not lost, do not happen twice, and do not starve each other."
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/scroll-start.html",
        "sidebar/brand.html",
        "versions.html",
        "sidebar/search.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
# Set where the site is published beside those of other versions: docs/publish_site.py.
html_context = {"published_version": os.environ.get("DOCS_VERSION", "")}

# `sphinx-build --builder linkcheck` asks for each page of another site. Lines of a file on GitHub are no anchors.
linkcheck_ignore = [r"https?://localhost\b"]
linkcheck_anchors = False
linkcheck_retries = 3
