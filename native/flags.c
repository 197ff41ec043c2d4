#include "flags.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const flags_with_value[] = {
	"loglevel", "log-format", "gloglevel", "kubeconfig", "namespace", "server", "certificate-authority",
	"client-certificate", "client-key", "cluster", "context", "user", "username", "password", "token",
	"tls-server-name", "proxy-url", "as", "as-uid", "as-group", "request-timeout",
};

static const char *const flags_without_value[] = { "insecure-skip-tls-verify", "disable-compression", "help", "short" };

static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	{ "trace", LOG_DEBUG }, { "debug", LOG_DEBUG }, { "info", LOG_INFO },	{ "print", LOG_INFO },
	{ "warn", LOG_WARN },	{ "warning", LOG_WARN }, { "error", LOG_ERROR }, { "fatal", LOG_ERROR },
	{ "panic", LOG_ERROR },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum flag_kind { FLAG_UNKNOWN, FLAG_VALUE, FLAG_SWITCH };

struct flag {
	enum flag_kind kind;
	const char *name;
	size_t length;	   /* of the name */
	const char *value; /* what stands behind `=` or a short flag, or NULL */
};

static bool is_named(const struct flag *flag, const char *name)
{
	return strlen(name) == flag->length && strncmp(flag->name, name, flag->length) == 0;
}

static struct flag read_flag(const char *argument)
{
	struct flag flag = { .kind = FLAG_UNKNOWN };

	if (argument[1] != '-') {
		const char *value = argument + 2;
		const char *own = *value == '\0' ? NULL : value + (*value == '=');
		if (argument[1] == 'n')
			return (struct flag){ FLAG_VALUE, "namespace", 9, own };
		if (argument[1] == 's')
			return (struct flag){ FLAG_VALUE, "server", 6, own };
		if (argument[1] == 'h' && *value == '\0')
			return (struct flag){ FLAG_SWITCH, "help", 4, NULL };
		return flag;
	}
	flag.name = argument + 2;
	flag.length = strcspn(flag.name, "=");
	flag.value = flag.name[flag.length] == '=' ? flag.name + flag.length + 1 : NULL;
	for (size_t i = 0; i < COUNT(flags_with_value); i++) {
		if (is_named(&flag, flags_with_value[i]))
			flag.kind = FLAG_VALUE;
	}
	for (size_t i = 0; i < COUNT(flags_without_value); i++) {
		if (is_named(&flag, flags_without_value[i]))
			flag.kind = FLAG_SWITCH;
	}
	return flag;
}

static bool is_flag(const char *argument)
{
	return argument[0] == '-' && argument[1] != '\0';
}

int find_subcommand(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!is_flag(argv[i]))
			return i;
		struct flag flag = read_flag(argv[i]);
		if (flag.kind == FLAG_VALUE && flag.value == NULL)
			i++;
	}
	return argc;
}

static _Noreturn void die_of_value(const struct flag *flag, const char *value, const char *accepted, int status)
{
	die(status, "invalid argument \"%s\" for \"--%.*s\": use %s", value, (int)flag->length, flag->name, accepted);
}

static void set_level(struct flags *flags, const struct flag *flag, const char *value)
{
	for (size_t i = 0; i < COUNT(level_names); i++) {
		if (strcasecmp(value, level_names[i].name) == 0) {
			flags->log.level = level_names[i].level;
			return;
		}
	}
	die_of_value(flag, value, "debug, info, warn or error", 1);
}

static void set_format(struct flags *flags, const struct flag *flag, const char *value)
{
	if (strcasecmp(value, "text") != 0 && strcasecmp(value, "json") != 0)
		die_of_value(flag, value, "text or json", 1);
	flags->log.json = strcasecmp(value, "json") == 0;
}

static void set_flag(struct flags *flags, const struct flag *flag, const char *value)
{
	int64_t number;
	bool is_true = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (is_named(flag, "loglevel"))
		set_level(flags, flag, value);
	else if (is_named(flag, "log-format"))
		set_format(flags, flag, value);
	else if (is_named(flag, "gloglevel") && !parse_number(value + (*value == '-'), INT32_MAX, &number))
		die_of_value(flag, value, "a whole number", EXIT_OURS);
	else if (is_named(flag, "help"))
		flags->help = is_true;
	else if (is_named(flag, "short"))
		flags->is_short = is_true;
}

struct flags parse_flags(int argc, char **argv, int subcommand)
{
	struct flags flags = { .log = { .level = LOG_INFO }, .rest = argc };

	for (int i = 1; i < argc; i++) {
		if (i == subcommand)
			continue;
		if (strcmp(argv[i], "--") == 0 && i > subcommand) {
			flags.rest = i + 1;
			break;
		}
		if (!is_flag(argv[i])) {
			flags.rest = i;
			break;
		}
		struct flag flag = read_flag(argv[i]);
		if (flag.kind == FLAG_UNKNOWN)
			die(EXIT_OURS, "unknown flag: %s; argoexec %s --help lists those there are", argv[i],
			    argv[subcommand]);
		const char *value = flag.value;
		if (value == NULL && flag.kind == FLAG_SWITCH)
			value = "true";
		else if (value == NULL && ++i < argc)
			value = argv[i];
		if (value == NULL)
			die(EXIT_OURS, "flag needs an argument: --%.*s", (int)flag.length, flag.name);
		set_flag(&flags, &flag, value);
	}
	return flags;
}
