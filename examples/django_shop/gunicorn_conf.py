"""Settings of gunicorn. None is about Mixpanel: no hook is needed when workers are forked or end."""

workers = 2
worker_class = "gthread"
threads = 4
preload_app = True  # the project is loaded once, and the workers are forked from it
graceful_timeout = 30  # seconds to finish requests after SIGTERM; the client's exit_seconds come out of them
