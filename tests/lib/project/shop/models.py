"""Define the models that the pages of docs/how-to show, from the pages themselves."""

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[4] / "docs" / "how-to"

for _page in sorted(HOW_TO.glob("*.md")):
    for _block in re.findall(r"^```python\n(# shop/models\.py\n.*?)^```$", _page.read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(_block, str(_page), "exec"))  # noqa: S102
