"""Sign-in by e-mail and password."""

from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts.models import User


class EmailBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: object,
    ) -> User | None:
        """Return the person, or None. Takes as long for an unknown address as for a wrong password."""
        if not username or not password:
            return None
        # As it is stored. To a database "ſ" may be an "s": each spelling would be a new five tries.
        user = User.objects.filter(email=username.strip().lower()).first()
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: UUID | str) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
