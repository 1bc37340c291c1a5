"""The application of the local server: its routes and middlewares."""

from aiohttp import web

from mixpanel_async.emulator.http.cross_origin import share_with_pages
from mixpanel_async.emulator.http.middlewares import EXPORT_PATH, limit_concurrency, log_requests, play_faults
from mixpanel_async.emulator.http.own_pages import guard_own_pages
from mixpanel_async.emulator.routes import (
    admin,
    annotations,
    compliance,
    engage_query,
    events,
    experiments,
    export,
    feature_flags,
    lookup_tables,
    page,
    pipelines,
    profiles,
    records,
    reports,
    saved_reports,
    schemas,
    sdk,
    seeds,
    service_accounts,
    warehouse,
)
from mixpanel_async.emulator.state import STATE, ServerState


def build_app(state: ServerState) -> web.Application:
    """Return the application: its routes and middlewares around a shared state."""
    app = web.Application(middlewares=[share_with_pages, log_requests, guard_own_pages, limit_concurrency, play_faults])
    app[STATE] = state
    app.add_routes(
        [
            *_sdk_routes(),
            web.get("/lookup-tables", lookup_tables.get_tables),
            web.put("/lookup-tables/{id}", lookup_tables.put_table),
            web.delete("/lookup-tables/{id}", lookup_tables.delete_table),
            web.get(EXPORT_PATH, export.get_export),
            *_query_routes(),
            *_app_routes(),
            *page.page_routes(),
            *records.record_routes(),
            web.post("/_admin/seed", seeds.post_seed),
            web.get("/_admin/state", admin.get_state),
            web.post("/_admin/faults", admin.post_faults),
            web.delete("/_admin/faults", admin.delete_faults),
            web.delete("/_admin/faults/{number}", admin.delete_fault),
            web.post("/_admin/limits", admin.post_limits),
            web.post("/_admin/reset", admin.post_reset),
            web.post("/_admin/funnels", saved_reports.post_admin_funnels),
            web.post("/_admin/insights", saved_reports.post_admin_insights),
            web.post("/_admin/cohorts", saved_reports.post_admin_cohorts),
        ]
    )
    return app


def _query_routes() -> list[web.RouteDef]:
    """Return the endpoints of the Query API; older clients write their paths as /api/2.0/."""
    routes = [
        *(web.get(path, reports.report_of(read)) for path, read in reports.READERS.items()),
        web.get("/api/query/funnels", saved_reports.get_funnel),
        web.get("/api/query/funnels/list", saved_reports.get_funnels),
        web.get("/api/query/insights", saved_reports.get_insights),
        web.post("/api/query/cohorts/list", saved_reports.post_cohorts),
        web.post("/api/query/jql", reports.post_jql),
        web.get("/api/query/engage", engage_query.query_engage),
        web.post("/api/query/engage", engage_query.query_engage),
        web.post("/api/query/engage/", engage_query.query_engage),  # as mixpanel-headless writes it
    ]
    older = [web.route(one.method, one.path.replace("/query/", "/2.0/", 1), one.handler) for one in routes]
    return routes + older


def _app_routes() -> list[web.RouteDef]:
    families = (
        annotations, compliance, experiments, feature_flags, pipelines, schemas, service_accounts, warehouse
    )  # fmt: skip
    return [route for family in families for route in family.ROUTES]


def _sdk_routes() -> list[web.RouteDef]:
    """Return the endpoints that SDKs send to; they write the paths with and without a slash at the end.

    In Mixpanel's reference `#operation` follows the path of an operation, and a client may send it, escaped.
    """
    return [
        register(path + slash, handler)
        for slash in ("", "/", "{operation:#.*}")
        for path, handler, registers in (
            ("/track", events.track, (web.post, web.get)),
            ("/import", events.import_events, (web.post, web.get)),
            ("/engage", profiles.engage, (web.post, web.get)),
            ("/groups", profiles.groups, (web.post, web.get)),
            ("/decide", sdk.get_decide, (web.post, web.get)),
            ("/settings", sdk.get_settings, (web.get,)),
            ("/record", sdk.post_record, (web.post,)),
        )
        for register in registers
    ]
