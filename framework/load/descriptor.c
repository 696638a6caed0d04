/* SPDX-License-Identifier: MIT
 * load/descriptor.c - the JSON that describes a module, as plain values
 */
#include "load/descriptor.h"

#include "conf/json.h"

#include <adit/abi.h>

#include <stdlib.h>
#include <string.h>

/* One reading under way. */
struct reading {
	struct descriptor *d;
	struct report *report;
	const char *file;
	size_t errors;
};

#define WRONG(r, pointer, cure, ...) \
	((r)->errors++, \
	 report_add((r)->report, REPORT_ERROR, &(struct report_place){(r)->file, 0, 0, pointer}, cure, __VA_ARGS__))

bool descriptor_name_valid(const char *name)
{
	const char *rest = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strlen(name);

	return n && n <= DESCRIPTOR_NAME_MOST && strspn(name, rest) == n && !strchr("_.-", name[0]) &&
	       !strstr(name, "..");
}

static bool library_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && n < 200 && !strchr(name, '/') && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

/* A text, "" when absent and not needed. */
static const char *text(struct reading *r, const struct json_node *root, const char *key, bool needed)
{
	const struct json_node *node = json_node_member(root, key);
	const char *value = json_node_text(node);
	char pointer[40] = "/";

	strncat(pointer, key, sizeof(pointer) - 2);
	if (value)
		return value;
	if (node) {
		WRONG(r, pointer, "write it in quotes", "%s must be a string", key);
	} else if (needed) {
		WRONG(r, pointer, "add it to module.json and build again", "%s is missing", key);
	}
	return "";
}

static void read_list(struct reading *r, const struct json_node *root, const char *key, struct descriptor_list *list)
{
	const struct json_node *node = json_node_member(root, key);
	size_t i, count = json_node_count(node);
	char pointer[40] = "/";

	strncat(pointer, key, sizeof(pointer) - 2);
	if (!node)
		return;
	if (!json_node_is_array(node)) {
		WRONG(r, pointer, "write [\"...\"]", "%s must be a list of strings", key);
		return;
	}
	if (count > DESCRIPTOR_LIST_MOST) {
		WRONG(r, pointer, "leave some out", "%s has %zu items; %d at most", key, count, DESCRIPTOR_LIST_MOST);
		return;
	}
	for (i = 0; i < count; i++) {
		const char *item = json_node_text(json_node_item(node, i));

		if (!item) {
			WRONG(r, pointer, "write it in quotes", "item %zu of %s must be a string", i, key);
			return;
		}
		list->items[list->count++] = item;
	}
}

static void read_component(struct reading *r, const struct json_node *node, size_t index)
{
	struct descriptor_component *c = &r->d->components[r->d->component_count];
	const struct json_node *schema = json_node_member(node, "config");

	c->id = text(r, node, "id", true);
	c->iface = text(r, node, "interface", true);
	if (!*c->id || !*c->iface)
		return;
	if (descriptor_component(r->d, NULL, c->id)) {
		WRONG(r, "/components", "give each its own id", "component %zu: the id %s is taken", index, c->id);
		return;
	}
	if (schema && !json_node_is_object(schema)) {
		WRONG(r, "/components", "write {\"type\": \"object\", ...}",
		      "component %s: config must be a schema", c->id);
		return;
	}
	if (schema) {
		c->schema = json_node_dump(schema);
		if (!c->schema) {
			WRONG(r, "/components", NULL, "out of memory");
			return;
		}
	}
	r->d->component_count++;
}

static void read_components(struct reading *r, const struct json_node *root)
{
	const struct json_node *list = json_node_member(root, "components");
	size_t i, count = json_node_count(list);

	if (!json_node_is_array(list) || !count) {
		WRONG(r, "/components", "list what the module offers",
		      "components must be a list with at least one item");
		return;
	}
	if (count > DESCRIPTOR_COMPONENTS_MOST) {
		WRONG(r, "/components", "split the module", "%zu components; %d at most", count,
		      DESCRIPTOR_COMPONENTS_MOST);
		return;
	}
	for (i = 0; i < count; i++)
		read_component(r, json_node_item(list, i), i);
}

/* "1.0": two numbers of at most four digits. */
static bool read_version(const char *value, unsigned *major, unsigned *minor)
{
	const char *digits = "0123456789";
	size_t a = strspn(value, digits), b;

	if (!a || a > 4 || value[a] != '.')
		return false;
	b = strspn(value + a + 1, digits);
	if (!b || b > 4 || value[a + 1 + b])
		return false;
	*major = (unsigned)strtoul(value, NULL, 10);
	*minor = (unsigned)strtoul(value + a + 1, NULL, 10);
	return true;
}

static void read_values(struct reading *r, const struct json_node *root)
{
	struct descriptor *d = r->d;
	const char *abi;
	int64_t schema;

	if (!json_node_integer(json_node_member(root, "schema"), &schema) || schema != 1) {
		WRONG(r, "/schema", "write \"schema\": 1", "this host reads descriptors of schema 1");
		return;
	}
	d->name = text(r, root, "name", true);
	d->version = text(r, root, "version", true);
	d->license = text(r, root, "license", false);
	d->summary = text(r, root, "summary", false);
	d->target = text(r, root, "target", true);
	d->library = text(r, root, "library", true);
	d->loops = text(r, root, "loops", false);
	abi = text(r, root, "abi", true);
	if (*d->name && !descriptor_name_valid(d->name)) {
		WRONG(r, "/name", "lower case letters, digits, '-', '_' and '.', 64 bytes at most",
		      "\"%.80s\" cannot be a module's name", d->name);
	}
	if (*d->library && !library_valid(d->library)) {
		WRONG(r, "/library", "write the bare file name, like \"echo.so\"",
		      "\"%.80s\" cannot be a library beside its descriptor", d->library);
	}
	if (*abi && !read_version(abi, &d->abi_major, &d->abi_minor)) {
		WRONG(r, "/abi", "write it like \"1.0\"", "\"%.20s\" is no ABI version", abi);
	}
	read_components(r, root);
	read_list(r, root, "requires", &d->required);
	read_list(r, root, "wants", &d->wanted);
	read_list(r, root, "provides", &d->provided);
	read_list(r, root, "rights", &d->rights);
}

int descriptor_read(struct descriptor **out, const char *body, size_t size, const char *file, struct report *report)
{
	struct reading r = {NULL, report, file, 0};
	struct json_fault fault;
	int err;

	r.d = calloc(1, sizeof(*r.d));
	if (!r.d)
		return ADIT_ENOMEM;
	r.d->name = r.d->version = r.d->license = r.d->summary = r.d->target = r.d->library = r.d->loops = "";
	err = json_tree_read(&r.d->tree, body, size, &fault);
	if (err) {
		const struct report_place place = {file, fault.line, fault.column, NULL};

		report_add(report, REPORT_ERROR, &place, "make it anew with the SDK's descriptor.sh",
		           "the descriptor is not JSON: %s", fault.text);
		descriptor_free(r.d);
		return err == ADIT_ENOMEM ? err : ADIT_EINVAL;
	}
	if (json_node_is_object(json_tree_root(r.d->tree))) {
		read_values(&r, json_tree_root(r.d->tree));
	} else {
		WRONG(&r, "", "make it anew with the SDK's descriptor.sh", "the descriptor is not a JSON object");
	}
	if (r.errors) {
		descriptor_free(r.d);
		return ADIT_EINVAL;
	}
	*out = r.d;
	return 0;
}

void descriptor_free(struct descriptor *d)
{
	size_t i;

	if (!d)
		return;
	for (i = 0; i < DESCRIPTOR_COMPONENTS_MOST; i++)
		free(d->components[i].schema);
	json_tree_free(d->tree);
	free(d);
}

const struct descriptor_component *descriptor_component(const struct descriptor *d, const char *iface, const char *id)
{
	const struct descriptor_component *found = NULL;
	size_t i;

	for (i = 0; i < d->component_count; i++) {
		const struct descriptor_component *c = &d->components[i];

		if ((id && strcmp(c->id, id) != 0) || (iface && strcmp(c->iface, iface) != 0))
			continue;
		if (found)
			return NULL;
		found = c;
	}
	return found;
}
