/* SPDX-License-Identifier: MIT
 * cli/session.c - modules, manifest, host
 */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "observe/journal.h"
#include "observe/log.h"

/* ---- modules ---- */

static bool offered(void *arg, const char *iface)
{
	struct session *s = arg;

	return host_offers(s->host, iface);
}

static int new_loader(struct session *s, const char *const *manifest_dirs, size_t count, bool allow_unsafe)
{
	struct load_options o = {
		.dirs = s->options->dirs,
		.dir_count = s->options->dir_count,
		.manifest_dirs = manifest_dirs,
		.manifest_dir_count = count,
		.builtin_only = s->options->safe_mode,
		.allow_unsafe_owner = allow_unsafe,
	};
	struct load_callbacks c = {s, offered};

	loader_free(s->loader);
	s->loader = NULL;
	return loader_new(&s->loader, &o, &c, &s->report);
}

struct stack_list {
	FILE *f;
	unsigned count;
};

static int add_stack(void *arg, const struct load_entry *entry)
{
	struct stack_list *list = arg;

	if (!entry->reason && !entry->shadowed && !strncmp(entry->name, "stack-", 6))
		fprintf(list->f, "%s{\"name\": \"%s\", \"module\": \"%s\"}", list->count++ ? ", " : "", entry->name + 6,
		        entry->name);
	return 0;
}

/* What lies under a manifest: every installed stack, so that it can be named without an entry of its own, and what
 * the command line stands for. A manifest says its version itself. */
static int make_base(struct session *s)
{
	const struct session_options *o = s->options;
	struct stack_list list = {0};
	size_t size;

	list.f = open_memstream(&s->base, &size);
	if (!list.f)
		return ADIT_ENOMEM;
	fprintf(list.f, "{%s%s%s\"stacks\": [", o->manifest ? "" : "\"adit\": 1, ", o->members ? o->members : "",
	        o->members ? ", " : "");
	loader_list(s->loader, add_stack, &list);
	fputs("]}", list.f);
	return fclose(list.f) ? ADIT_ENOMEM : ADIT_OK;
}

int session_init(struct session *s, const struct session_options *options)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->options = options;
	report_init(&s->report);
	err = new_loader(s, NULL, 0, false);
	return err ? err : make_base(s);
}

/* ---- manifest ---- */

static int schema_of(void *arg, const char *module, const char *kind, const char **json_text)
{
	struct session *s = arg;
	struct report unused;
	struct candidate *c;
	char iface[64];
	int err;

	report_init(&unused);
	err = loader_find(s->loader, module, NULL, NULL, &unused, &c);
	report_fini(&unused);
	if (err == ADIT_ENOMEM || err == ADIT_ENOENT)
		return err;
	if (err) {
		/* It is there but unfit: the reason follows when it is loaded; its settings cannot be judged. */
		*json_text = "{}";
		return ADIT_OK;
	}
	snprintf(iface, sizeof(iface), "adit.%s/1", kind);
	*json_text = candidate_schema(c, iface, NULL);
	if (!*json_text) {
		candidate_free(c);
		return ADIT_EINVAL;
	}
	if (s->held_count == SESSION_HELD) {
		candidate_free(c);
		return ADIT_ENOMEM;
	}
	s->held[s->held_count++] = c;
	return ADIT_OK;
}

static void release_held(struct session *s)
{
	while (s->held_count)
		candidate_free(s->held[--s->held_count]);
}

static int read_manifest(struct session *s)
{
	struct conf_source source = {
		.path = s->options->manifest,
		.text = s->base,
		.text_name = s->options->members ? NULL : "installed stacks",
		.settings = s->options->settings,
		.setting_count = s->options->setting_count,
		.schema_of = schema_of,
		.arg = s,
	};
	int err = conf_load(&s->conf, &source, &s->report);

	release_held(s);
	return err;
}

/* The manifest may name further places for modules: then it is read again with what they offer. */
static int with_manifest_dirs(struct session *s)
{
	const char *dirs[SESSION_DIRS];
	const adit_cfg *root = conf_root(s->conf), *item;
	int32_t unsafe = 0;
	size_t n = 0;
	int err;

	while (n < SESSION_DIRS && (item = conf_config_1.item(root, "modules/path", (uint32_t)n)) != NULL)
		if (conf_config_1.text(item, "", &dirs[n], NULL) == ADIT_OK)
			n++;
		else
			break;
	conf_config_1.truth(root, "modules/allow_unsafe_owner", &unsafe);
	if (!n && !unsafe)
		return ADIT_OK;
	err = new_loader(s, dirs, n, unsafe != 0);
	if (err)
		return err;
	conf_unref(s->conf);
	s->conf = NULL;
	return read_manifest(s);
}

int session_read(struct session *s)
{
	int err = read_manifest(s);

	return err ? err : with_manifest_dirs(s);
}

/* A journal that is wanted and not there is a finding; the log goes where it went before. */
static int configure_log(struct session *s, const struct conf *c)
{
	const adit_cfg *root = conf_root(c), *item;
	const char *level = "info", *format = "text", *target = "auto";
	int fd = -1;
	uint32_t i;

	conf_config_1.text(root, "log/level", &level, NULL);
	conf_config_1.text(root, "log/format", &format, NULL);
	log_configure(log_level_named(level), strcmp(format, "json") ? LOG_TEXT : LOG_JSON, 2);
	log_parts_forget();
	for (i = 0; (item = conf_config_1.item(root, "log/levels", i)) != NULL; i++)
		if (conf_config_1.text(item, "", &level, NULL) == ADIT_OK)
			log_part_level(conf_config_1.key(item), log_level_named(level));
	conf_config_1.text(root, "log/target", &target, NULL);
	if (!strcmp(target, "journal") || (!strcmp(target, "auto") && journal_is_stderr()))
		fd = journal_open(JOURNAL_SOCKET);
	if (fd < 0 && !strcmp(target, "journal")) {
		report_add(&s->report, REPORT_ERROR, &(struct report_place){.pointer = "/log/target"}, "say \"stderr\" or \"auto\"",
		           "there is no journal at %s: %s", JOURNAL_SOCKET, err_text(fd));
		return fd;
	}
	log_to_journal(fd < 0 ? -1 : fd);
	return ADIT_OK;
}

int session_load(struct session *s)
{
	int err = session_read(s);

	return err ? err : configure_log(s, s->conf);
}

/* The loader stays: its modules are at work. Other directories for modules wait for a restart, and the plan says so. */
int session_read_again(struct session *s, struct conf **out)
{
	struct conf *running = s->conf;
	char *base = s->base;
	int err;

	s->conf = NULL;
	s->base = NULL;
	err = make_base(s); /* a stack may have been installed */
	if (!err)
		err = read_manifest(s);
	if (!err)
		*out = s->conf;
	if (err) {
		free(s->base);
		s->base = base;
	} else {
		free(base);
	}
	s->conf = running;
	return err;
}

void session_took(struct session *s, struct conf *conf)
{
	conf_ref(conf);
	conf_unref(s->conf);
	s->conf = conf;
	configure_log(s, conf);
}

/* ---- host ---- */

static void print_flow(void *arg, const struct host_flow_end *end)
{
	char src[ENDPOINT_TEXT], dst[ENDPOINT_TEXT];
	const char *proto = end->info->proto == ADIT_PROTO_TCP   ? "tcp"
	                    : end->info->proto == ADIT_PROTO_UDP ? "udp"
	                                                         : "echo";

	fprintf(stderr, "adit: flow %s %s -> %s  up %llu  down %llu  %.3f s  via %s  %s\n", proto,
	        endpoint_text(&end->info->src, src), endpoint_text(&end->info->dst, dst), (unsigned long long)end->bytes_up,
	        (unsigned long long)end->bytes_down, (double)end->age_ns / 1e9, *end->outbound ? end->outbound : "-",
	        end->code ? err_text(end->code) : "closed");
}

int session_modules(struct session *s)
{
	const char *stacks[3];
	int kind, result = host_stacks(s->conf, &s->report, stacks);
	size_t count, i;

	for (kind = 0; kind < CONF_KINDS; kind++) {
		const struct conf_entry *e = conf_entries(s->conf, (enum conf_kind)kind, &count);

		for (i = 0; i < count; i++) {
			struct candidate *c = NULL;
			int err = loader_find(s->loader, e[i].module, e[i].library, NULL, &s->report, &c);

			candidate_free(c);
			if (err)
				result = err;
		}
	}
	return result;
}

int session_make(struct session *s)
{
	struct host_options o = {
		.conf = s->conf,
		.loader = s->loader,
		.report = &s->report,
		.flow_end = s->options->flows ? print_flow : NULL,
		.arg = s,
		.being_made = &s->host,
	};

	return host_new(&s->host, &o);
}

/* For a reload that a client asks for: what is wrong is said to that client. */
static int load_again(void *arg, struct conf **out, struct report *report)
{
	struct session *s = arg;
	size_t i;
	int err = session_read_again(s, out);

	for (i = 0; i < s->report.count; i++) {
		const struct report_item *f = &s->report.items[i];
		struct report_place place = {f->file, f->line, f->column, f->pointer};

		report_add(report, f->level, &place, f->cure, "%s", f->text);
	}
	report_fini(&s->report);
	report_init(&s->report);
	return err;
}

static void take(void *arg, struct conf *conf)
{
	session_took(arg, conf);
}

static int make_control(struct session *s)
{
	struct control_options o = {
		.host = s->host,
		.loop = host_loop(s->host),
		.root = conf_root(s->conf),
		.name = s->options->name,
		.manifest = s->options->manifest,
		.only_named = s->options->inside,
		.load = load_again,
		.took = take,
		.arg = s,
	};

	return control_new(&s->control, &o, &s->report);
}

int session_start(struct session *s)
{
	int err = session_make(s);

	/* Early: a host of the same name that runs is found before anything is opened. */
	if (!err)
		err = make_control(s);
	if (!err)
		err = host_open(s->host);
	if (!err)
		err = host_start(s->host);
	if (!err && s->control)
		control_start(s->control);
	return err;
}

void session_fini(struct session *s)
{
	if (s->host)
		host_stop(s->host);
	control_free(s->control);
	host_free(s->host);
	conf_unref(s->conf);
	loader_free(s->loader);
	free(s->base);
	report_fini(&s->report);
	memset(s, 0, sizeof(*s));
}

void session_print(struct session *s)
{
	size_t i;

	for (i = 0; i < s->report.count; i++) {
		char *line = report_line(&s->report.items[i]);

		fprintf(stderr, "adit: %s\n", line ? line : "out of memory");
		free(line);
	}
	if (s->report.lost)
		fprintf(stderr, "adit: %zu more findings\n", s->report.lost);
	report_fini(&s->report);
	report_init(&s->report);
}
