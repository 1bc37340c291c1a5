"""Renders docs/actions.md from the table, and reads its rows back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tests import ROOT
from tests.integration.documents import connector, ingestion, low_code
from tests.integration.documents.rows import Action

PATH: Final = ROOT / "docs" / "actions.md"
DOCUMENTS: Final[Mapping[str, Sequence[Action]]] = {
    "Actions of integration platforms": connector.ACTIONS,
    "Actions of low-code platforms": low_code.ACTIONS,
    "Operations of the ingestion API": ingestion.ACTIONS,
}
_HEAD: Final = """\
# Actions

Other integrations offer Mixpanel as named actions with inputs. This page lists each of them, with the call, the
argument and the command that do the same. `mp` is an `AsyncMixpanel`; `mixpanel-async` before each command is
omitted. A test drives every row through the client and the command line and compares the requests.

```python
from mixpanel_async import AsyncMixpanel, GcsRaw, ProjectToken, ServiceAccount
```

- **Connection**: `AsyncMixpanel(token, credentials=ServiceAccount(username, secret), project_id=...)`. The commands
  read `MIXPANEL_TOKEN`, `MIXPANEL_SERVICE_ACCOUNT_USERNAME`, `MIXPANEL_SERVICE_ACCOUNT_SECRET` and
  `MIXPANEL_PROJECT_ID`.
- **Region**: `us`, `eu`, `in`, or the name of a server there: `api-eu`, `data-eu.mixpanel`, `eu.mixpanel`, ...
- **Use Project Token**: `credential=ProjectToken(token)`. Track, profile and group calls need no credential at all.
- **A record's own token**: one that is not the client's is replaced, which the reply, `mp.stats` and a WARNING tell;
  `foreign_token="reject"` or `"keep"` change that.
- **Lists and objects** may be given as the JSON text that Mixpanel's documents show.
- `mp.ingest` sends one request and returns Mixpanel's answer. The batched calls queue records, retry them, and give
  each its outcome.
"""


class Line(NamedTuple):
    """A row of the page."""

    document: str
    action: str
    input: str
    argument: str
    command: str


def rendered() -> str:
    """Return the page as the table describes it."""
    lines = [_HEAD]
    for document, actions in DOCUMENTS.items():
        lines.append(f"\n## {document}\n")
        for action in actions:
            lines.append(f"\n### {action.title}\n\n- Call: {action.call}\n- Command: {action.command}\n\n")
            lines.append("| input | argument | command |\n|---|---|---|\n")
            lines += [f"| {row.input} | {row.argument} | {row.command} |\n" for row in action.rows]
    return "".join(lines)


def lines_of(page: str) -> Iterator[Line]:
    """Yield the rows of a page."""
    document = action = ""
    for text in page.splitlines():
        if text.startswith("## "):
            document = text.removeprefix("## ")
        elif text.startswith("### "):
            action = text.removeprefix("### ")
        elif action and re.match(r"\| (?!input \|)[^-]", text):
            cells = [cell.strip() for cell in text.strip("|").split(" | ")]
            yield Line(document, action, cells[0].strip("| "), cells[1], cells[2].strip("| "))


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
