# syntax=docker/dockerfile:1
# The same steps as `npm run image -- DIR`: the static program with musl, the bundle, Node and the objects it loads.
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils ca-certificates gcc libc6-dev libdeflate-dev libisal-dev media-types musl-tools nodejs npm tzdata \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
COPY languages/package.json languages/
RUN npm ci --no-audit --no-fund
COPY . .
ARG VERSION=dev
RUN node_modules/.bin/node scripts/image.ts /image --version "$VERSION"

# Root, as the stock image.
FROM scratch AS root
COPY --from=build /image /
ENV PATH=/bin
ENTRYPOINT ["argoexec"]

# For git artifacts: git with its https helper, ssh and git-lfs.
FROM build AS build-git
RUN apt-get update \
 && apt-get install -y --no-install-recommends git git-lfs openssh-client \
 && rm -rf /var/lib/apt/lists/*
RUN node_modules/.bin/node scripts/image.ts /image --version "$VERSION" --git

FROM scratch AS git
COPY --from=build-git /image /
ENV PATH=/bin
ENTRYPOINT ["argoexec"]

# For clusters that admit no root: user 8737, whose primary group stays 0.
FROM root AS nonroot
USER 8737

FROM root
