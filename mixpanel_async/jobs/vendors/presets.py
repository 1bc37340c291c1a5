"""The presets by name."""

from collections.abc import Mapping
from typing import Final

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.vendors.collectors import GA4, MPARTICLE, SEGMENT, SNOWPLOW
from mixpanel_async.jobs.vendors.model import Preset, Profiles
from mixpanel_async.jobs.vendors.product_analytics import AMPLITUDE, HEAP, MIXPANEL, POSTHOG

PRESETS: Final[Mapping[str, Preset]] = {
    "amplitude": AMPLITUDE,
    "ga4": GA4,
    "heap": HEAP,
    "mixpanel": MIXPANEL,
    "mparticle": MPARTICLE,
    "posthog": POSTHOG,
    "segment": SEGMENT,
    "snowplow": SNOWPLOW,
}


def profiles_of(vendor: str) -> Profiles:
    """Return where a vendor's exports have the properties of users.

    Raises:
        InvalidSettingError: They have none.
    """
    profiles = PRESETS[vendor].profiles
    if profiles is None:
        known = ", ".join(name for name, preset in PRESETS.items() if preset.profiles is not None)
        raise InvalidSettingError(
            f"vendor is invalid: exports of {vendor} have no properties of users; choose one of {known}"
        )
    return profiles
