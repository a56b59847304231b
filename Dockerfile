# An image for pipelines: the release in dist/ (make release), its lock, and the Pulumi CLI, for a user without rights.
# docs/guides/pipeline.md says how to use it.

# Python 3.13.15 on Debian 13. The digest is that of the list for all processors.
ARG PYTHON=docker.io/library/python:3.13.15-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# Version and checksums are those of sandbox/releases.toml.
FROM scratch AS pulumi-amd64
ADD --checksum=sha256:94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5 \
    https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz /pulumi.tar.gz

FROM scratch AS pulumi-arm64
ADD --checksum=sha256:edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853 \
    https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-arm64.tar.gz /pulumi.tar.gz

# hadolint ignore=DL3006 # a stage of this file
FROM pulumi-${TARGETARCH} AS pulumi

FROM ${PYTHON} AS build
SHELL ["/bin/sh", "-euc"]
WORKDIR /build
COPY --from=pulumi /pulumi.tar.gz .
RUN tar -xzf pulumi.tar.gz -C /opt pulumi/pulumi pulumi/pulumi-language-python pulumi/pulumi-language-python-exec
COPY dist/SHA256SUMS dist/requirements.lock dist/*.whl ./
RUN sha256sum --check --ignore-missing SHA256SUMS; \
    python -m venv /opt/ambient; \
    /opt/ambient/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock; \
    /opt/ambient/bin/pip install --no-cache-dir --no-index --no-deps ./*.whl; \
    /opt/ambient/bin/pip check

FROM ${PYTHON}
# Group 0, as OpenShift runs an image with any user of it.
RUN useradd --uid 10001 --gid 0 --create-home --home-dir /home/ambient ambient && chmod g=u /home/ambient
COPY --from=build /opt /opt
# PULUMI_CONTINUE_ON_ERROR: a failed step then holds back no revocation.
ENV PATH=/opt/ambient/bin:/opt/pulumi:$PATH HOME=/home/ambient \
    PULUMI_CONTINUE_ON_ERROR=true PULUMI_SKIP_UPDATE_CHECK=true
USER 10001:0
WORKDIR /home/ambient
CMD ["ambient", "--help"]
