#!/usr/bin/env bash
# Builds and pushes the image of a version, for linux/amd64 and linux/arm64, in both variants (root, and user 8737), with
# provenance and an SBOM attached; writes the SBOM of all npm packages, of which the image holds what its own
# /usr/share/doc/outrider/sbom.spdx.json names, to build/sbom.spdx.json. Files have the commit's time, so that whoever builds
# the same commit gets the same image.
#
#   scripts/release.sh v0.1.0 registry.example.com/outrider
#
# Needs docker with buildx, logged in to the registry. Refuses a tag that is not the version in package.json, and a
# version that CHANGELOG.md does not describe.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'release: %s\n' "$1" >&2
  exit 64
}

[ $# -eq 2 ] || fail "usage: scripts/release.sh vVERSION IMAGE"
tag=$1 image=$2
version=$(node -p 'require("./package.json").version')
[ "$tag" = "v$version" ] || fail "the tag is $tag, and package.json says $version"
grep -q "^## ${version//./\\.}\( \|$\)" CHANGELOG.md || fail "CHANGELOG.md has no section for $version"
[ -z "$(git status --porcelain)" ] || fail "the working tree has changes that no commit holds"

node scripts/setup.mjs
mkdir -p build
npm sbom --omit dev --sbom-format spdx >build/sbom.spdx.json

for variant in root nonroot; do
  suffix=${variant#root}
  docker buildx build . \
    --platform linux/amd64,linux/arm64 \
    --target "$variant" \
    --build-arg "VERSION=$tag" \
    --build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)" \
    --tag "$image:$version${suffix:+-$suffix}" \
    --sbom=true \
    --provenance=mode=max \
    --output type=registry,rewrite-timestamp=true
done
