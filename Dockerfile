# An image for pipelines and for the cluster's own runs: the release in dist/ (make release), its lock, the Pulumi CLI with
# its Kubernetes plugin, and Git, for a user without rights. docs/tasks/pipeline.md says how to use it.
# A run needs of it: the virtual environment /opt/ambient; `ambient`, `pulumi`, `pulumi-language-python`, its `-exec`,
# `pulumi-resource-kubernetes`, `git` and `ssh` on PATH; a writable HOME and /tmp; a numeric user.

# Python 3.13.15 on Debian 13. The digest is that of the list for all processors.
ARG PYTHON=docker.io/library/python:3.13.15-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# Versions and checksums are those of sandbox/releases.toml: what the engine tests run with.
FROM scratch AS pulumi-amd64
ADD --checksum=sha256:94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5 \
    https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz /pulumi.tar.gz
ADD --checksum=sha256:6ea3d53c16a00c4d1017c4d109928d8f4801fd7cd978965cd43917561f3774b0 \
    https://api.pulumi.com/releases/plugins/pulumi-resource-kubernetes-v4.25.0-linux-amd64.tar.gz /kubernetes.tar.gz

FROM scratch AS pulumi-arm64
ADD --checksum=sha256:edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853 \
    https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-arm64.tar.gz /pulumi.tar.gz
ADD --checksum=sha256:e4260240ed14bff6ed1a5a25a362311380ea1c072544fc262532b8197ea0725c \
    https://api.pulumi.com/releases/plugins/pulumi-resource-kubernetes-v4.25.0-linux-arm64.tar.gz /kubernetes.tar.gz

# hadolint ignore=DL3006 # a stage of this file
FROM pulumi-${TARGETARCH} AS pulumi

FROM ${PYTHON} AS build
SHELL ["/bin/sh", "-euc"]
WORKDIR /build
COPY --from=pulumi /pulumi.tar.gz /kubernetes.tar.gz ./
RUN tar -xzf pulumi.tar.gz -C /opt pulumi/pulumi pulumi/pulumi-language-python pulumi/pulumi-language-python-exec; \
    tar -xzf kubernetes.tar.gz -C /opt/pulumi pulumi-resource-kubernetes; \
    chmod -R a+rX /opt/pulumi
COPY dist/SHA256SUMS dist/requirements.lock dist/*.whl ./
RUN sha256sum --check --ignore-missing SHA256SUMS; \
    python -m venv /opt/ambient; \
    /opt/ambient/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock; \
    /opt/ambient/bin/pip install --no-cache-dir --no-index --no-deps ./*.whl; \
    /opt/ambient/bin/pip check

FROM ${PYTHON}
# Debian signs its packages, and deletes a version when the next one mends it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*
# Group 0, as OpenShift runs an image with any user of it.
RUN useradd --uid 10001 --gid 0 --create-home --home-dir /home/ambient ambient && chmod g=u /home/ambient
COPY --from=build /opt /opt
# PULUMI_CONTINUE_ON_ERROR: a failed step then holds back no revocation. Plugins are those of the image: a run downloads none.
ENV PATH=/opt/ambient/bin:/opt/pulumi:$PATH HOME=/home/ambient \
    PULUMI_CONTINUE_ON_ERROR=true PULUMI_SKIP_UPDATE_CHECK=true PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
USER 10001:0
WORKDIR /home/ambient
CMD ["ambient", "--help"]
