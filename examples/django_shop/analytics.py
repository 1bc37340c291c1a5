"""The client of the whole project, and who a request's user is."""

import os

from django.http import HttpRequest

from mixpanel_async import Settings
from mixpanel_async.sync import Mixpanel

# Made once, also where gunicorn loads the project before it forks its workers: each process has a thread of its own,
# which starts with its first event and delivers the last ones when the process ends.
client = Mixpanel(
    os.environ.get("MIXPANEL_TOKEN", "no-token"),
    base_url=os.environ.get("MIXPANEL_BASE_URL"),
    settings=Settings(track_via="import"),  # returns a verdict for each event; the project token is sufficient
    exit_seconds=float(os.environ.get("EXIT_SECONDS", "5")),  # less than gunicorn's graceful_timeout
)


def user_of(request: HttpRequest) -> str | None:
    """Return the user who is logged in; called when an event is tracked, so that the session is there.

    With `django.contrib.auth` it would be `str(request.user.pk) if request.user.is_authenticated else None`.
    """
    user: str | None = request.session.get("user")
    return user
