"""Views and their paths. No view names the user: the middleware's context has the user of the request."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from django_shop.analytics import client


def log_in(request: HttpRequest, user: str) -> HttpResponse:
    """Log a user in; events of this request have the user as soon as the session has."""
    request.session["user"] = user
    client.track(None, "Logged In")
    client.people_set_once(user, {"first seen in": "shop"})
    return JsonResponse({"user": user})


def show_product(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a product."""
    del request
    client.track(None, "Product Viewed", {"product": slug})
    return JsonResponse({"product": slug})


def place_order(request: HttpRequest, number: int) -> HttpResponse:
    """Place an order; the insert id makes a repeated request one event."""
    client.track(None, "Order Placed", {"order": number}, insert_id=f"order-{number}")
    return JsonResponse({"order": number, "method": request.method})


def export_orders(request: HttpRequest) -> StreamingHttpResponse:
    """Stream a table; its rows are produced in the request's context, too."""

    def rows() -> Iterator[str]:
        yield "order,product\n"
        for number in range(3):
            client.track(None, "Row Exported", {"row": number})
            yield f"{number},chair\n"

    del request
    return StreamingHttpResponse(rows(), content_type="text/csv")


urlpatterns = [
    path("log-in/<str:user>/", log_in),
    path("products/<slug:slug>/", show_product),
    path("orders/<int:number>/", place_order),
    path("orders.csv", export_orders),
]
