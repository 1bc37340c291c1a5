"""Feature flags for code: `mp.flags.local()` evaluates them in this process, `mp.flags.remote()` asks Mixpanel.

`mp.feature_flags` manages flags; see `mixpanel_async.actions`.
"""

from mixpanel_async.flags.local import LocalFlags
from mixpanel_async.flags.models import FlagReason, FlagResult, FlagsChange, FlagsStatus
from mixpanel_async.flags.remote import RemoteFlags

__all__ = ["FlagReason", "FlagResult", "FlagsChange", "FlagsStatus", "LocalFlags", "RemoteFlags"]
