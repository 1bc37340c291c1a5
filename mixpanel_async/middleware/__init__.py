"""Middlewares that give requests a context and track them.

`ASGIMiddleware` is for FastAPI, Starlette and Litestar, `WSGIMiddleware` for Flask and other WSGI applications. Those
for Django and aiohttp are in `mixpanel_async.middleware.django` and `mixpanel_async.middleware.aiohttp_web`.
"""

from mixpanel_async.middleware.asgi import ASGIMiddleware
from mixpanel_async.middleware.client_ip import ClientIP
from mixpanel_async.middleware.options import MiddlewareOptions
from mixpanel_async.middleware.wsgi import WSGIMiddleware

__all__ = ["ASGIMiddleware", "ClientIP", "MiddlewareOptions", "WSGIMiddleware"]
