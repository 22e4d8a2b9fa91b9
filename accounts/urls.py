"""Addresses of the accounts pages."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from accounts.views import groups, link, profile, sign_in, users

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("link/", link.open_link, name="link-open"),
    path("link/<str:secret>/", link.link, name="link"),
    path("language/", login_not_required(require_POST(set_language)), name="language"),
    path("profile/", profile.profile, name="profile"),
    path("password/", profile.password, name="password"),
    path("tokens/", profile.create, name="tokens"),
    path("tokens/<uuid:pk>/revoke/", profile.revoke, name="token-revoke"),
    path("users/", users.users, name="users"),
    path("users/invite/", users.invite, name="invite"),
    path("users/<uuid:pk>/", users.user, name="user"),
    path("users/<uuid:pk>/reset/", users.reset, name="user-reset"),
    path("users/<uuid:pk>/delete/", users.delete, name="user-delete"),
    path("groups/", groups.groups, name="groups"),
    path("groups/<uuid:pk>/", groups.group, name="group"),
    path("groups/<uuid:pk>/members/", groups.member, name="group-member"),
    path("groups/<uuid:pk>/delete/", groups.delete, name="group-delete"),
]
