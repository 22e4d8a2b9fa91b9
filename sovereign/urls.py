"""Every address of the product."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, re_path

from sovereign import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("accounts.urls")),
    path("api/v1/", api.urls()),  # type: ignore[arg-type] # ninja's own tuple
    re_path(r"^api/", api.nothing_here),
]
# Only until the other rooms' pages exist (the next commit has plain includes).
urlpatterns += [path("", include(room)) for room in ("ingest.urls", "chat.urls") if find_spec(room)]
