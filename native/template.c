#include "template.h"
#include "file.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEMPLATE_BYTES_MAX = 64 << 20 };

static int seal(const char *bytes, size_t length)
{
	int fd = memfd_create("argoexec-template", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || !write_all(fd, bytes, length) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		die(EXIT_OURS, "the template cannot be kept in memory: %s", reason(errno));
	return fd;
}

int keep_template(void)
{
	const char *value = getenv("ARGO_TEMPLATE");
	bool is_offloaded = value != NULL && strcmp(value, "offloaded") == 0;
	char path[PATH_SIZE];
	size_t length = 0;

	if (value != NULL && *value != '\0' && !is_offloaded)
		return -1;
	if (!root_path(path, is_offloaded ? "/argo/config/ARGO_TEMPLATE" : "/var/run/argo/template"))
		die(EXIT_OURS, "path of the template: %s", reason(errno));
	/* A ConfigMap is mounted for us alone, and made of links; the shared volume is everybody's. */
	char *bytes = read_file(AT_FDCWD, path, is_offloaded ? 0 : O_NOFOLLOW, TEMPLATE_BYTES_MAX, &length);
	if (bytes == NULL && errno == ENOENT)
		return -1;
	if (bytes == NULL)
		die(EXIT_OURS, "the template cannot be read: open %s: %s", path, reason(errno));
	int fd = seal(bytes, length);
	free(bytes);
	return fd;
}
