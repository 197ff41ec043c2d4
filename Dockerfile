# The same steps as `npm run image -- DIR`: the static program with musl, the bundle, Node and the objects it loads. The base
# image is pinned, and packages come from the day it was made: its list of sources names that snapshot in comments. Node and
# all npm packages are pinned by package-lock.json, npm itself by its digest.
FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171 AS build
RUN sed -i -e '/^URIs:/d' -e 's|^# \(http.*\)|URIs: \1\nCheck-Valid-Until: no|' /etc/apt/sources.list.d/debian.sources \
 && grep -q '^URIs: .*/20[0-9]*T[0-9]*Z' /etc/apt/sources.list.d/debian.sources
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils ca-certificates gcc libc6-dev libdeflate-dev libisal-dev media-types musl-tools nodejs npm tzdata \
 && rm -rf /var/lib/apt/lists/*
# Debian's npm knows no bills of materials: it fetches the one that does.
RUN npm pack --silent npm@10.9.9 \
 && echo "d60fba8cb42f688b81e33c2f1cbef2ad7b977166700ec0ad057f1b6d60ea6ef2524abf673e20c35931cd8305d1dbb8887134d6eefdc0e7b8435bd458bf65b862  npm-10.9.9.tgz" | sha512sum -c - \
 && npm install --global --no-audit --no-fund ./npm-10.9.9.tgz \
 && rm npm-10.9.9.tgz
WORKDIR /src
COPY package.json package-lock.json ./
COPY languages/package.json languages/
COPY scripts/link-node.mjs scripts/
RUN npm ci --no-audit --no-fund \
 && node scripts/link-node.mjs
COPY . .
ARG VERSION=dev
# The time of the commit, in seconds: every file of the image has it.
ARG SOURCE_DATE_EPOCH=0
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
