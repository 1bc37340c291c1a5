"""A Django project that tracks with the client for synchronous code, under gunicorn with forked workers.

    pip install "mixpanel-async[useragent]" django gunicorn
    cd examples && MIXPANEL_TOKEN=... gunicorn -c django_shop/gunicorn_conf.py django_shop.wsgi

To try it with a local server, run `mixpanel-async serve` and set MIXPANEL_BASE_URL=http://127.0.0.1:8787
MIXPANEL_TOKEN=test. Without MIXPANEL_TOKEN, set MIXPANEL_DISABLED=1: it serves requests and sends nothing.
"""
