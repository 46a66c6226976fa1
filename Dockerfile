# The worker and, with another command, the portal simulator.
FROM python:3.11-slim

WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY pipeline pipeline
COPY sandbox sandbox
COPY stack stack
RUN pip install --no-cache-dir -c constraints.txt . && rm -rf /src/*

RUN useradd --create-home bus \
    && mkdir -p /var/lib/pipeline/state /var/lib/pipeline/key \
    && chown -R bus:bus /var/lib/pipeline
USER bus
WORKDIR /home/bus
ENV PYTHONUNBUFFERED=1
EXPOSE 6066
CMD ["faust", "-A", "pipeline", "worker", "-l", "info"]
