"""Django settings: everything that varies comes from `env.load()`, the rest is decided here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from urgentaction.conf import env
from urgentaction.conf.gateways_file import laid_over

CONFIG = env.load()
#: The names `urgentaction doctor` knows; a misspelt one is reported there.
ENVIRONMENT_VARIABLES = tuple(env.VARIABLES)

MODE = CONFIG.mode
SECRET_KEY = CONFIG.secret_key
FIELD_KEYS = CONFIG.field_keys
INDEX_KEY = CONFIG.index_key
PUBLIC_URL = CONFIG.public_url
REDIS_URL = CONFIG.redis_url
CLOCK_OFFSET_SECONDS = CONFIG.clock_offset_seconds
BACKOFF_SCALE = CONFIG.backoff_scale
CRASH_AT = CONFIG.crash_at
LEASE_SECONDS = CONFIG.lease_seconds
MAIL_WINDOW = CONFIG.mail_window
CLAIM_SIZE = CONFIG.claim_size
SWEEP_SECONDS = CONFIG.sweep_seconds
WATCH_SECONDS = CONFIG.watch_seconds
ONCALL = CONFIG.oncall
ORGANISATION_FILE = CONFIG.organisation_file
MAIL_FROM = CONFIG.mail_from
MAIL_BOUNCES = CONFIG.mail_bounces
# soft limit < lease < hard limit < visibility timeout: see docs/delivery.md
TASK_SOFT_SECONDS = max(LEASE_SECONDS - 30, LEASE_SECONDS // 2)
TASK_HARD_SECONDS = LEASE_SECONDS + 60
VISIBILITY_TIMEOUT_SECONDS = LEASE_SECONDS + 180
GATEWAYS = laid_over({"smtp": CONFIG.smtp, "telnyx": CONFIG.telnyx, "twilio": CONFIG.twilio}, CONFIG.gateways_file)

_here = Path(__file__).resolve().parents[1]
_checkout = _here.parents[1]
SHIPPED_TEMPLATES = next(
    path for path in (_checkout / "templates", _here / "shipped_templates") if (path / "letters").is_dir()
)
SAMPLES = next((path for path in (_checkout / "samples", _here / "shipped_samples") if path.is_dir()), _checkout)

DEBUG = CONFIG.is_debug
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
ROOT_URLCONF = "urgentaction.conf.urls"
WSGI_APPLICATION = "urgentaction.conf.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "console:now"
LOGOUT_REDIRECT_URL = "account_login"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_filters",
    "django_htmx",
    "urgentaction.core.apps.CoreConfig",
    "urgentaction.accounts.apps.AccountsConfig",
    "urgentaction.supporters.apps.SupportersConfig",
    "urgentaction.directory.apps.DirectoryConfig",
    "urgentaction.cases.apps.CasesConfig",
    "urgentaction.alerts.apps.AlertsConfig",
    "urgentaction.letters.apps.LettersConfig",
    "urgentaction.deliveries.apps.DeliveriesConfig",
    "urgentaction.receipts.apps.ReceiptsConfig",
    "urgentaction.incidents.apps.IncidentsConfig",
    "urgentaction.api.apps.ApiConfig",
    "urgentaction.console.apps.ConsoleConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "urgentaction.conf.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "urgentaction.console.viewer.ViewersLanguageAndZone",
    "urgentaction.conf.middleware.WordsForUnserved",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SHIPPED_TEMPLATES],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "urgentaction.console.context.mode",
            ]
        },
    }
]
FORM_RENDERER = "urgentaction.console.forms.Renderer"

DATABASES = {"default": CONFIG.database}
DATABASES["default"].setdefault("OPTIONS", {})
_pg_options = ["-c timezone=UTC", "-c lock_timeout=10000", "-c idle_in_transaction_session_timeout=60000"]
if CLOCK_OFFSET_SECONDS:
    _pg_options.append(f"-c urgentaction.clock_offset={CLOCK_OFFSET_SECONDS}s")
# Only `core.statements` has statements prepared; Django's own cursors bind on their side and never do.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 5
DATABASES["default"]["OPTIONS"]["options"] = " ".join(_pg_options)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# Login, second factors and sessions: django-allauth (ADR 0019). Its views are listed in console/people/entrance.py.
AUTHENTICATION_BACKENDS = ["urgentaction.console.people.backend.Backend"]
SECOND_FACTOR_REQUIRED = CONFIG.is_second_factor_required
ACCOUNT_ADAPTER = "urgentaction.console.people.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "urgentaction.console.people.forms.LoginForm",
    "reauthenticate": "urgentaction.console.people.forms.PasswordAgainForm",
    "change_password": "urgentaction.console.people.forms.PasswordChangeForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]  # nobody signs up; its checks want it
ACCOUNT_EMAIL_VERIFICATION = "none"  # who accepted an invitation has read the mail
ACCOUNT_SESSION_REMEMBER = False  # a closed browser is logged out
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    # Wrong passwords: from one address; for one name from one place (a network, or a browser that knows its owner).
    "login_failed": "10/m/ip,5/5m/key",
    # For one name from all places unknown to its owner; a known browser and passkeys are not held up by it.
    "login_failed_everywhere": "60/h/key",
}
MFA_ADAPTER = "urgentaction.console.people.adapters.FactorAdapter"
MFA_FORMS = {
    "authenticate": "urgentaction.console.people.forms.CodeForm",
    "reauthenticate": "urgentaction.console.people.forms.CodeAgainForm",
    "activate_totp": "urgentaction.console.people.forms.FirstCodeForm",
    "add_webauthn": "urgentaction.console.people.forms.AddKeyForm",
    "edit_webauthn": "urgentaction.console.people.forms.RenameKeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "urgentaction"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off
MFA_RECOVERY_CODE_DIGITS = 10
# Browsers offer passkeys over http on this machine only; where we are reached by https, so must the browser be.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")

# What allauth counts (failed logins, used codes) has to be known to all web processes, and the broker is no cache: it
# may evict nothing. Small, short-lived rows; when there are too many, expired ones go first.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_attempts",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [_here / "conf" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("URGENTACTION_STATIC_ROOT", str(_checkout / "var" / "static"))
STATICFILES_DIRS = [path for path in (SHIPPED_TEMPLATES / "static",) if path.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

_is_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600  # from the login on: pages that refresh themselves keep nobody logged in
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
if _is_https:  # browsers take these names only over https, for this host and for every path
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_SSL_REDIRECT = _is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _is_https else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _is_https
SECURE_CONTENT_TYPE_NOSNIFF = True
# Not `no-referrer`: browsers then send `Origin: null` with every form, and CSRF protection refuses them all.
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "urgentaction.conf.middleware.csrf_failure"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
FILE_UPLOAD_HANDLERS = ["urgentaction.core.uploads.InMemory"]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"without_tokens": {"()": "urgentaction.conf.secret_paths.WithoutTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Both write the path of a request that went wrong, and a path may be a link with a token in it.
        "django.request": {"filters": ["without_tokens"]},
        "django.security.csrf": {"filters": ["without_tokens"]},
        # httpx logs every URL at INFO; ours carry signed references.
        "httpx": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
    },
}
