# syntax=docker/dockerfile:1
# One service an image: docker build --build-arg SERVICE=ingest -t daybook/ingest .
# SERVICE is a folder of services/ or examples/.

# The version that the test suite runs on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-trixie AS build
ARG UV=0.13.9
# Where packages come from, if not from the usual place.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
# Within pyproject's bounds of uv_build: uv then builds the workspace itself, from nothing.
RUN pip install --no-cache-dir --root-user-action=ignore "uv==${UV}"
WORKDIR /src
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
COPY requirements.lock ./
COPY deploy/image deploy/image
COPY shared shared
COPY services services
COPY examples examples
ARG SERVICE
RUN deploy/image/install.sh "${SERVICE}" /app \
    && cp deploy/image/launch.py deploy/image/healthcheck.py /app/

FROM python:${PYTHON}-slim-trixie
# Whoever mounts a volume for files here gets one that the service may write to.
RUN install -d -o 10001 -g 10001 /var/lib/daybook
COPY --from=build /app /app
ARG SERVICE
# Which setting holds the port that /readyz is on; query has it on its API's.
ARG PORT_VARIABLE=DAYBOOK_HEALTH_PORT
ARG READY_PATH=/readyz
LABEL org.opencontainers.image.title="daybook-${SERVICE}" \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SERVICE=${SERVICE} \
    PORT_VARIABLE=${PORT_VARIABLE} \
    READY_PATH=${READY_PATH} \
    DAYBOOK_HOST=0.0.0.0 \
    DAYBOOK_PORT=8080 \
    DAYBOOK_HEALTH_HOST=0.0.0.0 \
    DAYBOOK_HEALTH_PORT=9100 \
    DAYBOOK_BROWSE_CACHE=/tmp/browsing
# A number, so that Kubernetes can tell that it is not root. The root file system may be
# read-only: only /tmp, and a folder of files where one is mounted, are written to.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/app/healthcheck.py"]
ENTRYPOINT ["python", "/app/launch.py"]
