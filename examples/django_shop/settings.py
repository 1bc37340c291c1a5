"""Settings of the project; those about Mixpanel are at the end."""

import os

from mixpanel_async.middleware import ClientIP

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only-for-this-example")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_shop.urls"
WSGI_APPLICATION = "django_shop.wsgi.application"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

MIDDLEWARE = [
    "mixpanel_async.middleware.django.DjangoMiddleware",  # first: its event covers the time of all others
    "django.contrib.sessions.middleware.SessionMiddleware",
]
MIXPANEL = {
    "client": "django_shop.analytics.client",
    "distinct_id": "django_shop.analytics.user_of",
    "request_event": "Request Served",
    "sample_rate": float(os.environ.get("SAMPLE_RATE", "1")),
    "user_agent": True,
    # Mixpanel finds the place of a user by the address. One proxy stands before this server, and appends to the header.
    "client_ip": ClientIP(trusted_proxies=1),
}
