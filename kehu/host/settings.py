"""Django settings. No secret stands here: keys come from the home's keyring."""

from __future__ import annotations

import os

from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.logs import configuration
from kehu.host.mail import smtp_settings
from kehu.host.paths import site_names, static_version

_home = Home.current()
_database = Database(_home)
_connection = _database.for_django(os.environ.get("KEHU_ROLE", "kehu_app"), os.environ.get("KEHU_DBNAME", "kehu"))

DEBUG = False
SECRET_KEY = Keyring(_home).secret("django", create=True).hex() if _home.exists() else os.urandom(32).hex()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *site_names()]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "zh-hans"
FORMAT_MODULE_PATH = "kehu.doors.web.formats"
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
AUTH_USER_MODEL = "guard.Staff"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "kehu.govern",
    "kehu.vault",
    "kehu.guard",
    "kehu.refine",
    "kehu.refine.derive",
    "kehu.refine.quality",
    "kehu.refine.classify",
    "kehu.collect",
    "kehu.collect.forms",
    "kehu.serve.rights",
    "kehu.serve.counter",
    "kehu.serve.corrections",
    "kehu.serve.leaving",
    "kehu.serve.mailing",
    "kehu.serve.assurance",
    "kehu.serve.upkeep",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "kehu.doors.web",
    "kehu.doors.web.portal",
    "kehu.doors.web.register",
    "kehu.doors.web.access",
    "kehu.doors.web.office",
    "kehu.doors.web.corrections",
    "kehu.doors.web.account",
    "kehu.doors.web.watch",
    "kehu.doors.web.visit",
    "kehu.doors.web.released",
    "kehu.doors.web.forms",
    "kehu.doors.web.counter",
    "kehu.doors.web.intake",
    "kehu.doors.web.classify",
    "kehu.doors.web.quality",
    "kehu.doors.web.traits",
    "kehu.doors.web.review",
    "kehu.doors.web.system",
    "procrastinate.contrib.django",
]
MIDDLEWARE = [
    "kehu.doors.web.middleware.SecureAnswers",
    "django.middleware.common.CommonMiddleware",
    "kehu.doors.web.middleware.ForPages",
]
PAGE_MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kehu.doors.web.middleware.HeadAsGet",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "kehu.doors.web.middleware.ReaderZone",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kehu.doors.web.middleware.RulesAsInForce",
    "kehu.doors.web.middleware.FormsAlone",
    "kehu.doors.web.middleware.Refusals",
]
ROOT_URLCONF = "kehu.doors.web.urls"
INBOUND_DOOR = "kehu.doors.inbound"
APPEND_SLASH = False  # a redirect would turn a POST into a GET
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
_https = os.environ.get("KEHU_HTTPS") == "1"
SESSION_COOKIE_NAME = "kehu_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "kehu_csrf"
CSRF_COOKIE_HTTPONLY = True  # forms carry it, the script reads it from the page
CSRF_COOKIE_SECURE = _https
CSRF_FAILURE_VIEW = "kehu.doors.web.errors.forged"
LANGUAGE_COOKIE_NAME = "kehu_language"
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_SAMESITE = "Lax"
# one proxy of the house in front: the last address of X-Forwarded-For is its client
BEHIND_PROXY = os.environ.get("KEHU_BEHIND_PROXY") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
STATIC_URL = f"/static/{static_version()}/"  # another content, another address: browsers keep each for ever
# an upload over 2.5 MB would go to the temp folder in clear: the import has a handler that seals, nothing else takes files
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # a mapping of a wide file
STATIC_ROOT = None  # served straight from the packages: nothing to collect
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 365 * 86400
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **_connection,
        "CONN_MAX_AGE": None,
        # bound on the server, values never stand in a statement's text; prepared at once, plans are kept
        "OPTIONS": _connection["OPTIONS"] | {"server_side_binding": True, "prepare_threshold": 0},
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "kehu.guard.staff.passwords.BreachedPasswords"},
]
BREACHED_PASSWORDS = os.environ.get("KEHU_BREACHED_PASSWORDS", "")  # a sorted list of SHA-1 on this machine
# until that day (2026-12-31, UTC) a role that sees fields of level 3 may come in without a second factor
SECOND_FACTOR_FROM = os.environ.get("KEHU_SECOND_FACTOR_FROM", "")
# single sign-on by the company's OpenID provider; `amr` values (and `acr=` ones) that count as a second factor
OIDC_ISSUER = os.environ.get("KEHU_OIDC_ISSUER", "")
OIDC_NAME = os.environ.get("KEHU_OIDC_NAME", "")
OIDC_CLIENT_ID = os.environ.get("KEHU_OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET_FILE = os.environ.get("KEHU_OIDC_CLIENT_SECRET_FILE", "")
OIDC_SECOND_FACTOR = os.environ.get("KEHU_OIDC_SECOND_FACTOR", "")
# requests a second for each token and web process (0: no limit), how many seconds' worth at once, bytes of a body
EXPORT_ALONE = int(
    os.environ.get("KEHU_EXPORT_ALONE") or 500
)  # customers in a list that leaves without a second person
SMALLEST_GROUP = int(os.environ.get("KEHU_SMALLEST_GROUP") or 10)  # customers that a figure about traits is of at least
LEDGER_DAYS = int(os.environ.get("KEHU_LEDGER_DAYS") or 1095)  # how long a row of the ledger keeps its body
API_RATE = float(os.environ.get("KEHU_API_RATE") or 50)
API_BURST = 4
API_MAX_BODY = 64 * 1024
LOGGING = configuration()
LOGGING_CONFIG = "logging.config.dictConfig"
# without an SMTP server mail stays in the memory of the running system: kehu outbox
_mail = {"EMAIL_BACKEND": "kehu.host.mail.OutboxBackend"} | smtp_settings(os.environ.get("KEHU_SMTP_URL", ""))
globals().update(_mail)
EMAIL_TIMEOUT = 10  # seconds
PORTAL_URL = os.environ.get("KEHU_PORTAL_URL", "")  # what a letter about their own data may lead a customer to
OWNER_MAIL = os.environ.get("KEHU_OWNER_MAIL", "")  # whom to tell, beside the privacy office, when the glass is broken
DEFAULT_FROM_EMAIL = os.environ.get("KEHU_MAIL_FROM", "kehu@localhost")
