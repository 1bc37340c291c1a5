"""An async-first Mixpanel client."""
