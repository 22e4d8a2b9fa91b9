# syntax=docker/dockerfile:1
# One image for web, worker, beat and models. Built where packages can be reached; run where nothing can.
# `--target cuda`: the same with an engine for NVIDIA's cards, for the models (deploy/compose.gpu.yml).

# Its driver must know this version of CUDA or a newer one.
ARG CUDA_VERSION=12.8.1

FROM python:3.11.13-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ make cmake gettext \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/sovereign/venv
ENV PATH=/opt/sovereign/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/sovereign
COPY requirements requirements
# PyPI's torch for x86-64 is a CUDA build of several GB. For a GPU: --build-arg TORCH_INDEX=<its index>.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-deps --index-url "$TORCH_INDEX" -r requirements/torch.txt
RUN pip install --no-deps --require-hashes -r requirements/base.txt
COPY sovereign/setup sovereign/setup
# The image runs where AVX2 is. Third faster where every machine has AVX-512 with VNNI: --build-arg CPU=avx512
ARG CPU=avx2
RUN python sovereign/setup --wheel-only /tmp/wheels --cpu "$CPU" \
    && pip install --no-deps --no-index /tmp/wheels/*.whl
COPY . .
RUN find locale -name '*.po' -exec sh -c 'msgfmt "$1" -o "${1%.po}.mo"' _ {} \;

FROM python:3.11.13-slim-bookworm AS cpu
# For old Word and PowerPoint files (+400 MB): --build-arg LIBREOFFICE="libreoffice-writer-nogui libreoffice-impress-nogui"
ARG LIBREOFFICE=""
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 $LIBREOFFICE \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sovereign \
    && useradd --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin sovereign \
    && install -d -o sovereign -g sovereign -m 0700 /data /data/evidence /models /run/sovereign /chroma
COPY --from=build /opt/sovereign /opt/sovereign
ENV PATH=/opt/sovereign/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    SOVEREIGN_DATA_DIR=/data SOVEREIGN_RUN_DIR=/run/sovereign SOVEREIGN_MODELS_DIR=/models SOVEREIGN_LOG_FORMAT=json \
    SOVEREIGN_WALL=container SOVEREIGN_LISTEN=0.0.0.0:8000
WORKDIR /opt/sovereign
USER sovereign
EXPOSE 8000
# The root file system may be read-only: only these and /tmp are written.
VOLUME ["/data", "/models", "/run/sovereign", "/chroma"]
# The kernel confines it first, then our guard watches it (docs/wall.md).
CMD ["python", "-I", "wall/confine.py", "--profile", "web", "--bind", "8000", \
     "--connect", "8000", "--connect", "5432", "--connect", "6379", "--connect", "3310", "--lookups", \
     "--write", "/data", "--write", "/run/sovereign", "--write", "/tmp", "--", \
     "python", "-m", "wall.guarded", "web", "-m", \
     "uvicorn", "sovereign.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--no-access-log", "--no-server-header", "--lifespan", "on", "--proxy-headers", \
     "--forwarded-allow-ips", "*", "--timeout-graceful-shutdown", "20"]

# Ubuntu 22.04: its C library is older than Debian 12's, so what is built here runs there.
FROM nvidia/cuda:${CUDA_VERSION}-devel-ubuntu22.04 AS build-cuda
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
       g++ make cmake python3.11 python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3.11 -m venv /opt/build
ENV PATH=/opt/build/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY sovereign/setup sovereign/setup
# Turing, Ampere, Ada, Hopper; newer cards translate the last one's code when they first meet it.
ARG CUDA_ARCHITECTURES="75-real;80-real;86-real;89-real;90"
RUN python sovereign/setup --wheel-only /tmp/wheels --cuda "$CUDA_ARCHITECTURES"
# The driver's own library comes from the host, by NVIDIA's container toolkit.
RUN install -d /opt/cuda && cp -L /usr/local/cuda/lib64/libcudart.so.12 \
       /usr/local/cuda/lib64/libcublas.so.12 /usr/local/cuda/lib64/libcublasLt.so.12 /opt/cuda/

FROM cpu AS cuda
USER root
COPY --from=build-cuda /opt/cuda /opt/cuda
RUN --mount=type=bind,from=build-cuda,source=/tmp/wheels,target=/tmp/wheels \
    pip install --no-deps --no-index --force-reinstall /tmp/wheels/*.whl \
    && echo /opt/cuda > /etc/ld.so.conf.d/sovereign-cuda.conf && ldconfig
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility SOVEREIGN_GPU_LAYERS=auto SOVEREIGN_PARALLEL=0
USER sovereign

# Without `--target`: without a card.
FROM cpu
