# One image for every process: ingress, streams, egress, the simulated provider, and what makes the topics.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /app
COPY compose/image/requirements.lock compose/image/
# with their hashes, and only what the product needs to run
RUN python -m venv /opt/promo \
 && /opt/promo/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r compose/image/requirements.lock
COPY schemas schemas
COPY tables tables
COPY streams streams
COPY ingress ingress
COPY egress egress
COPY compose compose
RUN /opt/promo/bin/python -m compileall -q .

FROM ${BASE}
ENV PATH=/opt/promo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PROMO_HTTP_HOST=0.0.0.0 \
    PROMO_OPS_HOST=0.0.0.0 \
    PROMO_PROVIDER_HOST=0.0.0.0 \
    PROMO_MESSAGING_HOST=0.0.0.0 \
    PROMO_DATA_DIR=/data
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data promo \
 && install -d -o promo -g promo /data
COPY --from=build /opt/promo /opt/promo
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8080 18100
HEALTHCHECK --interval=5s --timeout=8s --start-period=30s CMD ["python", "-m", "schemas.telemetry.probe"]
CMD ["python", "-m", "ingress"]
