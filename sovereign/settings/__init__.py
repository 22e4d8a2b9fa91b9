"""All settings. Nothing else in the project reads the environment; docs/settings.md lists each."""

import os
import re
from pathlib import Path
from urllib.parse import quote

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from sovereign.settings import env
from sovereign.settings.asking import *  # noqa: F403
from sovereign.settings.counting import *  # noqa: F403
from sovereign.settings.database import database
from sovereign.settings.keeping import *  # noqa: F403
from sovereign.settings.listed import of_database, of_url, of_words, open_guard
from sovereign.settings.models import *  # noqa: F403
from sovereign.settings.models import ALLOWED_ADDRESSES, OPENAI_URLS
from sovereign.settings.reading import *  # noqa: F403
from sovereign.settings.reading import CLAMD
from sovereign.settings.rundir import run_dir
from sovereign.settings.secrets import secret_from_file
from sovereign.settings.sources import *  # noqa: F403
from wall import join
from wall.status import WALLS

# Libraries' own calls home are off before any of them is imported, whatever the environment says
# (docs/settings.md): nothing of ours needs them, pip reads none of these.
os.environ.update(
    {
        "ANONYMIZED_TELEMETRY": "False",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
)
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
#: A proxy would see what our own processes say to each other. pip alone gets it back (models fetch).
PROXIES = {
    _name: os.environ.pop(_name)
    for _name in list(os.environ)
    if _name.lower() in {"http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "no_proxy"}
}

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VERSION = "0.1.0"

# --- where things are -------------------------------------------------------------------------
DATA_DIR = env.path("SOVEREIGN_DATA_DIR", BASE_DIR / "var")
RUN_DIR = env.path("SOVEREIGN_RUN_DIR", run_dir(DATA_DIR, os.environ.get("XDG_RUNTIME_DIR", "")))
CACHE_DIR = env.path("SOVEREIGN_CACHE_DIR", Path("~/.cache/sovereign"))
MODELS_DIR = env.path("SOVEREIGN_MODELS_DIR", CACHE_DIR / "models")
MEDIA_ROOT = DATA_DIR / "documents"
SAMPLES_DIR = BASE_DIR / "samples"
#: What proves something: refusals that wait for the record, signed checkpoints, reports.
EVIDENCE_DIR = DATA_DIR / "evidence"
#: Second places for checkpoints of the record (audit/places.py): a mounted share, a log's socket.
CHECKPOINT_DIR = env.text("SOVEREIGN_CHECKPOINT_DIR")
CHECKPOINT_SYSLOG = env.text("SOVEREIGN_CHECKPOINT_SYSLOG")


def _written_by_launcher(name: str, default: str) -> str:
    """What the running launcher wrote to var/run, so that commands by hand find its processes."""
    file = RUN_DIR / name
    written = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    # Programs behind the wall can write there, too, and commands by hand may run outside.
    return written if re.fullmatch(r"http://127\.0\.0\.1:[0-9]{1,5}", written) else default


# --- safety -----------------------------------------------------------------------------------
DEBUG = env.flag("SOVEREIGN_DEBUG", False)
SECRET_KEY = env.text("SOVEREIGN_SECRET_KEY") or secret_from_file(
    DATA_DIR / "secrets" / "secret_key"
)
LISTEN = env.text("SOVEREIGN_LISTEN", "127.0.0.1:8000")
HTTPS = env.flag("SOVEREIGN_HTTPS", False)
#: Which wall is built, and the least that must hold (docs/wall.md).
WALL = env.choice("SOVEREIGN_WALL", "auto", ("auto", "container", "seccomp", "guard"))
REQUIRE_WALL = env.choice("SOVEREIGN_REQUIRE_WALL", "guard", WALLS)
#: Outside addresses besides those that other settings name, as `name=host:port`.
GATES = env.words("SOVEREIGN_GATES")
ALLOWED_HOSTS = env.words("SOVEREIGN_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("SOVEREIGN_TRUSTED_ORIGINS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.number("SOVEREIGN_SESSION_HOURS", 12, least=1) * 3600
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Nothing at all goes to other origins. Not no-referrer: browsers then send "Origin: null" with our
# own forms, which the CSRF check refuses; strict-origin would tell others our name.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
#: Where browsers tell what they refused: sovereign/browser_reports.py.
BROWSER_REPORTS = "/browser-reports"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "script-src-attr": [NONE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "frame-src": [NONE],
        "worker-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        # Text becomes elements through two policies only, both in static/js/sanitise.js.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["sovereign", "default"],
        "report-uri": [BROWSER_REPORTS],
        # A browser that knows report-to ignores report-uri, and takes it from safe origins alone.
        **({"report-to": ["browser"]} if HTTPS else {}),
    }
}

# --- Django -----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "axes",
    "ninja",
    "audit",
    "accounts",
    "inference",
    "ingest",
    "chat",
    "compliance",
    "evaluation",
    "fleet",
    "usage",
    "sovereign",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "sovereign.middleware.RequestIdMiddleware",
    "sovereign.middleware.ResponseHeadersMiddleware",
    "sovereign.middleware.StreamedFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "sovereign.urls"
ASGI_APPLICATION = "sovereign.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sovereign.context.product",
            ]
        },
    }
]
DATABASES = {"default": database(env.text("DATABASE_URL"), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.EmailBackend"]
PASSWORD_HASHERS = ["accounts.hashers.BoundedArgon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[0]["OPTIONS"] = {"user_attributes": ("email", "name")}  # type: ignore[assignment]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 12}  # type: ignore[assignment]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "chat:ask"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
AXES_FAILURE_LIMIT = env.number("SOVEREIGN_SIGN_IN_ATTEMPTS", 5, least=1)
AXES_COOLOFF_TIME = env.number("SOVEREIGN_SIGN_IN_LOCK_MINUTES", 15, least=1) / 60
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False
# Its own log would keep e-mails for ever; audit entries say what is needed.
AXES_DISABLE_ACCESS_LOG = True
AXES_LOCKOUT_CALLABLE = "accounts.views.sign_in.locked_out"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = env.text("SOVEREIGN_TIME_ZONE", "UTC")

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_TEMP_DIR = None
# Django's own writes large files in plain bytes to a file with a name, which a crash leaves there.
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "sovereign.spool.SpoolUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FILES = 1_000

# --- documents --------------------------------------------------------------------------------
#: Originals on the disk, with a key for each of them (ingest/vault.py, docs/encryption.md).
ENCRYPT_ORIGINALS = env.flag("SOVEREIGN_ENCRYPT_ORIGINALS", True)
MASTER_KEY_FILE = env.path("SOVEREIGN_MASTER_KEY_FILE", DATA_DIR / "secrets" / "master_key")
MASTER_KEY_COMMAND = env.text("SOVEREIGN_MASTER_KEY_COMMAND")
LEASE_SECONDS = env.number("SOVEREIGN_LEASE_SECONDS", 60, least=5)
MAX_ATTEMPTS = env.number("SOVEREIGN_MAX_ATTEMPTS", 3, least=1)
CHROMA_URL = env.text("SOVEREIGN_CHROMA_URL") or _written_by_launcher(
    "chroma.url", "http://127.0.0.1:8001"
)
#: Up to this many chunks a search is exact, by numpy, from the vectors in the database.
EXACT_SEARCH_CHUNKS = env.number("SOVEREIGN_EXACT_SEARCH_CHUNKS", 5_000)
#: So long a replaced index serves the answers that began before the switch (ingest/retire.py).
INDEX_GRACE_SECONDS = env.number("SOVEREIGN_INDEX_GRACE_SECONDS", 3_600)

# --- models -----------------------------------------------------------------------------------
MODELS_URL = env.text("SOVEREIGN_MODELS_URL", f"unix:{RUN_DIR / 'models.sock'}")

# --- Celery -----------------------------------------------------------------------------------
BROKER_URL = env.text(
    "SOVEREIGN_BROKER_URL", f"redis+socket://{quote(str(RUN_DIR / 'valkey.sock'))}"
)
WORKER_PROCESSES = env.number("SOVEREIGN_WORKER_PROCESSES", 2, least=1)

#: Which parts the launcher starts itself: those that no setting moves elsewhere.
EMBEDDED = {
    "broker": not env.text("SOVEREIGN_BROKER_URL"),
    "vectors": not env.text("SOVEREIGN_CHROMA_URL"),
    "models": not env.text("SOVEREIGN_MODELS_URL"),
}

#: Where Chroma's files lie, where they are ours (ingest/chroma_files.py).
CHROMA_DIR = DATA_DIR / "chroma" if EMBEDDED["vectors"] else None

SETTING_FILES = env.FILES

# --- proof (compliance/) ----------------------------------------------------------------------
PROVE_MINUTES = env.number("SOVEREIGN_PROVE_MINUTES", 60, least=1)
REPORT_DAYS = env.number("SOVEREIGN_REPORT_DAYS", 7)
#: Fonts of this machine, for scripts in PDF that our own do not have; empty: none.
FONTS_DIR = env.text("SOVEREIGN_FONTS_DIR", "/usr/share/fonts")
#: What each setting came to; compliance/standing.py hides the secrets among them.
IN_FORCE = env.IN_FORCE

# --- logs -------------------------------------------------------------------------------------
LOG_LEVEL = env.text("SOVEREIGN_LOG_LEVEL", "INFO").upper()
LOG_FORMAT = env.text("SOVEREIGN_LOG_FORMAT", "console")
LOGGING_CONFIG = "sovereign.logs.configure"
LOGGING = {"level": LOG_LEVEL, "format": LOG_FORMAT}

# --- the first administrator (read by accounts.bootstrap) ---------------------------------------
ADMIN_EMAIL = env.text("SOVEREIGN_ADMIN_EMAIL")
ADMIN_PASSWORD = env.text("SOVEREIGN_ADMIN_PASSWORD")

# --- a command by hand goes where the services are: before a name is looked up or a thread starts ---
join.if_asked(RUN_DIR)

# --- the guard (wall/guard.py): closed until here, now open for what is named above ---------------
open_guard(
    [
        *of_url(CHROMA_URL),
        *of_url(BROKER_URL),
        *of_url(MODELS_URL),
        *of_url(";".join(OPENAI_URLS)),
        *of_url(CHECKPOINT_SYSLOG),
        *of_url(CLAMD),
        *of_words([CLAMD]),
        *of_database(DATABASES["default"]),
        *of_words([LISTEN, *ALLOWED_ADDRESSES]),
        *of_words(gate.partition("=")[2] for gate in GATES),
    ],
    EVIDENCE_DIR,
    RUN_DIR,
)
