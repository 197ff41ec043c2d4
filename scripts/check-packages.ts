// Installs what the tests, the image and the sanitizers of `npm run check` find on a machine of Debian's kind: the libraries
// that the image always has, and the programs that some tests compare ours with. The first step, for what runs next is to be
// built with them.
import { installDebianPackages } from "./debian-packages.ts";

const packages = {
  "libdeflate-dev": "/usr/include/libdeflate.h",
  "libisal-dev": "/usr/include/isa-l.h",
  "libarchive-tools": "/usr/bin/bsdtar",
  "git-lfs": "/usr/bin/git-lfs",
  "openssh-client": "/usr/bin/ssh",
  "openssh-server": "/usr/sbin/sshd",
  "media-types": "/etc/mime.types",
  tzdata: "/usr/share/zoneinfo",
};

installDebianPackages(packages, (text) => console.log(`# ${text}`));
