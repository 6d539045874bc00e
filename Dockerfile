# The installed package with the CPU build of PyTorch: `docker build -t shaking-emotions .`
# docker run --rm -v "$PWD:/work" shaking-emotions predict results/weights/MODEL recordings/ --out emotions.csv
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends git libsndfile1 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir torch==2.11.0 torchaudio==2.11.0 --index-url https://download.pytorch.org/whl/cpu \
 && pip install --no-cache-dir -c constraints.txt '.[export,parquet]' \
 && useradd --create-home user && mkdir /work && chown user /work
USER user
WORKDIR /work
ENTRYPOINT ["shaking-emotions"]
CMD ["--help"]
