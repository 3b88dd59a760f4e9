# syntax=docker/dockerfile:1
# Stages: `build` makes the environment, `app` runs it in production, `sandbox` adds the stand-in gateways.

FROM python:3.13-slim AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements/base.txt requirements/build.txt requirements/
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
 && python -m venv /opt/urgentaction && /opt/urgentaction/bin/pip install --require-hashes -r requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY workers workers
COPY templates templates
COPY samples samples
RUN /opt/build/bin/hatchling build --target wheel && /opt/urgentaction/bin/pip install --no-deps dist/*.whl
# The settings want keys; these live for one command and stay in no layer.
RUN URGENTACTION_SECRET_KEY=build URGENTACTION_FIELD_KEYS="build:$(head -c 32 /dev/zero | base64)" \
    URGENTACTION_INDEX_KEY="$(head -c 32 /dev/zero | base64)" \
    DATABASE_URL=postgresql://build/build REDIS_URL=redis://build \
    DJANGO_SETTINGS_MODULE=urgentaction.conf.settings URGENTACTION_STATIC_ROOT=/opt/static \
    /opt/urgentaction/bin/django-admin collectstatic --noinput

FROM build AS build-sandbox
COPY requirements/demo.txt requirements/
RUN /opt/urgentaction/bin/pip install --require-hashes -r requirements/demo.txt

FROM python:3.13-slim AS app
ENV PATH=/opt/urgentaction/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=urgentaction.conf.settings \
    URGENTACTION_STATIC_ROOT=/opt/static
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent urgentaction
COPY --from=build /opt/urgentaction /opt/urgentaction
COPY --from=build /opt/static /opt/static
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "urgentaction.conf.wsgi", "--config=python:urgentaction.conf.gunicorn", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm"]

FROM app AS sandbox
USER root
# With the library the sandbox's fax line really sends pages through T.30.
RUN apt-get update && apt-get install -y --no-install-recommends libspandsp2 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 /data
COPY --from=build-sandbox /opt/urgentaction /opt/urgentaction
USER 10001:10001
VOLUME /data
CMD ["python", "-m", "urgentaction.sandbox", "--data=/data"]
