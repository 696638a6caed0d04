/* SPDX-License-Identifier: MIT
 * load/verify.c - the tables of a loaded module, checked once against its descriptor
 *
 * A table's size says what its maker knew. One larger than ours is a newer SDK's: its tail is ignored. One smaller is
 * an older SDK's and good as long as it reaches over what the first revision of its kind had. No pointer is followed
 * before it is known to lead into the image.
 */
#include "load/verify.h"

#include <adit/kinds.h>

#include <string.h>

enum { TABLE_MOST = 4096, COMPONENTS_MOST = 2 * DESCRIPTOR_COMPONENTS_MOST };

/* What each kind cannot do without. A table reaches at least over these. */
#define HOT(iface, type, member) {iface, offsetof(type, member), #member}
static const struct {
	const char *iface;
	size_t offset;
	const char *member;
} hot[] = {
	HOT(ADIT_PLATFORM_1, adit_platform_1, life),
	HOT(ADIT_PLATFORM_1, adit_platform_1, output),
	HOT(ADIT_STACK_1, adit_stack_1, life),
	HOT(ADIT_STACK_1, adit_stack_1, input),
	HOT(ADIT_STACK_1, adit_stack_1, submit),
	HOT(ADIT_HANDLER_1, adit_handler_1, life),
	HOT(ADIT_HANDLER_1, adit_handler_1, events),
	HOT(ADIT_OUTBOUND_1, adit_outbound_1, life),
	HOT(ADIT_OUTBOUND_1, adit_outbound_1, reach),
	HOT(ADIT_OUTBOUND_1, adit_outbound_1, submit),
	HOT(ADIT_SERVICE_1, adit_service_1, life),
};
_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "tables hold one kind of pointer");

/* One check under way. */
struct check {
	const struct image *image;
	const struct candidate *c;
	struct report *report;
};

#define SDK_CURE "build the module again with its SDK's headers"

#define BAD(k, cure, ...) \
	(report_add((k)->report, REPORT_ERROR, &(struct report_place){(k)->c->path, 0, 0, NULL}, cure, __VA_ARGS__), \
	 ADIT_ECONFIG)

/* The word at offset of a table that reaches over it. */
static const void *member(const void *table, size_t offset)
{
	const void *value;

	memcpy(&value, (const char *)table + offset, sizeof(value));
	return value;
}

/* A table inside the image whose size word is believable. */
static int check_size(const struct check *k, const void *table, size_t least, const char *what)
{
	uint32_t size;

	if (!table)
		return BAD(k, SDK_CURE, "%s is null", what);
	if (!image_holds(k->image, table, sizeof(size)))
		return BAD(k, SDK_CURE, "%s is not inside the module", what);
	memcpy(&size, table, sizeof(size));
	if (size < least)
		return BAD(k, SDK_CURE, "%s has %u bytes; %zu at least", what, size, least);
	if (size > TABLE_MOST || !image_holds(k->image, table, size))
		return BAD(k, SDK_CURE, "%s claims a size of %u bytes", what, size);
	return 0;
}

static int check_root(const struct check *k, const adit_module *root)
{
	const struct descriptor *d = k->c->d;
	int err = check_size(k, root, offsetof(adit_module, init), "adit_module_1");

	if (err)
		return err;
	if (root->abi_major != ADIT_ABI_MAJOR)
		return BAD(k, "build it with this host's SDK",
		           "its code is for ABI %u.%u, its descriptor for %u.%u; this host has %d.%d",
		           root->abi_major, root->abi_minor, d->abi_major, d->abi_minor, ADIT_ABI_MAJOR,
		           ADIT_ABI_MINOR);
	if (!image_says(k->image, root->name, d->name, strlen(d->name)))
		return BAD(k, "write the name of module.json into adit_module_1",
		           "the name in adit_module_1 is not \"%s\", as its descriptor says", d->name);
	if (!image_says(k->image, root->descriptor, k->c->text, k->c->text_size))
		return BAD(k, "let adit_module_1 point at adit_descriptor",
		           "adit_module_1 points at another descriptor");
	if (!image_holds(k->image, root->version, 1))
		return BAD(k, SDK_CURE, "the version in adit_module_1 is missing");
	return 0;
}

static int check_life(const struct check *k, const char *id, const adit_life *life)
{
	char what[DESCRIPTOR_NAME_MOST + 40];
	int err;

	snprintf(what, sizeof(what), "the life of component %.64s", id);
	err = check_size(k, life, offsetof(adit_life, destroy) + sizeof(life->destroy), what);
	if (err)
		return err;
	if (!life->create || !life->destroy)
		return BAD(k, "every component has create and destroy", "component %.64s: life.%s is null", id,
		           life->create ? "destroy" : "create");
	return 0;
}

static int check_table(const struct check *k, const struct descriptor_component *d, const void *table)
{
	char what[DESCRIPTOR_NAME_MOST + 40];
	size_t i, least = sizeof(uint32_t);
	bool known = false;
	int err;

	for (i = 0; i < sizeof(hot) / sizeof(hot[0]); i++) {
		if (strcmp(hot[i].iface, d->iface) != 0)
			continue;
		known = true;
		if (least < hot[i].offset + sizeof(void *))
			least = hot[i].offset + sizeof(void *);
	}
	snprintf(what, sizeof(what), "the table of component %.64s", d->id);
	err = check_size(k, table, least, what);
	if (err || !known)
		return err;
	for (i = 0; i < sizeof(hot) / sizeof(hot[0]); i++)
		if (strcmp(hot[i].iface, d->iface) == 0 && !member(table, hot[i].offset))
			return BAD(k, "fill it in", "component %.64s: %s of its %s table is null", d->id,
			           hot[i].member, d->iface);
	if (strcmp(d->iface, ADIT_STACK_1) == 0) {
		const adit_stack_1 *stack = table;

		if (stack->flags & ADIT_STACK_CLAIMS && !ADIT_HAS(stack, adit_stack_1, claims))
			return BAD(k, "fill it in, or leave out the flag",
			           "component %.64s: ADIT_STACK_CLAIMS is set but claims is null",
			           d->id);
	}
	return check_life(k, d->id, member(table, offsetof(adit_service_1, life)));
}

static int check_component(const struct check *k, const adit_component *c, bool *seen)
{
	const struct descriptor *d = k->c->d;
	size_t i;
	int err = check_size(k, c, offsetof(adit_component, table) + sizeof(c->table), "a component");

	if (err)
		return err;
	for (i = 0; i < d->component_count; i++)
		if (image_says(k->image, c->id, d->components[i].id, strlen(d->components[i].id)))
			break;
	if (i == d->component_count)
		return BAD(k, "list it in module.json", "it offers a component that its descriptor does not list");
	if (seen[i])
		return BAD(k, "give each its own id", "it offers two components %.64s", d->components[i].id);
	seen[i] = true;
	if (!image_says(k->image, c->iface, d->components[i].iface, strlen(d->components[i].iface)))
		return BAD(k, "make code and module.json agree",
		           "component %.64s is not of %.64s, as its descriptor says",
		           d->components[i].id, d->components[i].iface);
	return check_table(k, &d->components[i], c->table);
}

static int check_components(const struct check *k, const adit_component *const *list)
{
	const struct descriptor *d = k->c->d;
	bool seen[DESCRIPTOR_COMPONENTS_MOST] = {false};
	size_t i;
	int err;

	for (i = 0;; i++) {
		if (i == COMPONENTS_MOST || !image_holds(k->image, &list[i], sizeof(list[i])))
			return BAD(k, "end it with a null pointer", "its list of components has no end");
		if (!list[i])
			break;
		err = check_component(k, list[i], seen);
		if (err)
			return err;
	}
	for (i = 0; i < d->component_count; i++)
		if (!seen[i])
			return BAD(k, "put it into the components of adit_module_1, or take it out of module.json",
			           "component %.64s of its descriptor is missing", d->components[i].id);
	return 0;
}

int verify_image(const struct image *image, const struct candidate *c, struct report *report,
                 const adit_module **root)
{
	const struct check k = {image, c, report};
	const adit_module *got = image_root(image);
	int err;

	if (!got)
		return BAD(&k, SDK_CURE, "adit_module_1 is not inside the module");
	err = check_root(&k, got);
	if (!err)
		err = check_components(&k, got->components);
	if (!err)
		*root = got;
	return err;
}
