"""Django settings. No secret stands here: keys come from the home's keyring."""

from __future__ import annotations

import os

from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.logs import configuration

_home = Home.current()
_database = Database(_home)
_parameters = _database.parameters(os.environ.get("KEHU_ROLE", "kehu_app"), os.environ.get("KEHU_DBNAME", "kehu"))

DEBUG = False
SECRET_KEY = Keyring(_home).secret("django", create=True).hex() if _home.exists() else os.urandom(32).hex()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *filter(None, os.environ.get("KEHU_HOSTS", "").split(","))]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
AUTH_USER_MODEL = "guard.Staff"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "kehu.govern",
    "kehu.vault",
    "kehu.guard",
    "kehu.refine",
    "kehu.collect",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "procrastinate.contrib.django",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parameters["dbname"],
        "USER": _parameters.get("user", ""),
        "PASSWORD": _parameters.get("password", ""),
        "HOST": _parameters.get("host", ""),
        "PORT": _parameters.get("port", ""),
        "CONN_MAX_AGE": None,
        # bound on the server, values never stand in a statement's text; prepared at once, plans are kept
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": 0},
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGGING = configuration()
LOGGING_CONFIG = "logging.config.dictConfig"
