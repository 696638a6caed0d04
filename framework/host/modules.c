/* SPDX-License-Identifier: MIT
 * host/modules.c - the modules of a manifest: found, loaded once, initialised once per image
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/parts.h"
#include "observe/log.h"

static struct host_module *known(struct host *h, const struct module *m)
{
	unsigned i;

	for (i = 0; i < h->module_count; i++)
		if (h->modules[i]->module == m)
			return h->modules[i];
	return NULL;
}

static struct host_module *initialise(struct host *h, struct module *m, struct report *report)
{
	const adit_module *root = module_root(m);
	struct host_module *hm;
	adit_result r = ADIT_OK;

	if (h->module_count == HOST_MODULES_MOST) {
		report_add(report, REPORT_ERROR, NULL, "use fewer modules; after many upgrades: restart",
		           "more than %d images of modules", HOST_MODULES_MOST);
		return NULL;
	}
	hm = calloc(1, sizeof(*hm));
	if (!hm)
		return NULL;
	hm->host = h;
	hm->module = m;
	api_fill(hm);
	if (ADIT_HAS(root, adit_module, init))
		r = root->init(&hm->api, &hm->ctx);
	if (r != ADIT_OK) {
		const char *why = api_take_failure();

		report_add(report, REPORT_ERROR, NULL, NULL, "module %s: %s", module_name(m), *why ? why : err_text(r));
		free(hm);
		return NULL;
	}
	hm->initialised = true;
	h->modules[h->module_count++] = hm;
	return hm;
}

int modules_open(struct host *h, const struct conf_entry *entry, struct report *r, struct module **out)
{
	struct candidate *c;
	int err = loader_find(h->options.loader, entry->module, entry->library, NULL, r, &c);

	if (err)
		return err == ADIT_ENOMEM ? err : ADIT_ECONFIG;
	err = loader_open(h->options.loader, c, r, out);
	candidate_free(c);
	return err;
}

struct host_module *modules_get(struct host *h, struct module *m, unsigned shard, struct report *r)
{
	struct module *image;
	struct host_module *hm;

	if (module_image(m, shard, r, &image))
		return NULL;
	hm = known(h, image);
	return hm ? hm : initialise(h, image, r);
}

void modules_fini(struct host *h)
{
	while (h->module_count) {
		struct host_module *m = h->modules[--h->module_count];
		const adit_module *root = module_root(m->module);

		if (m == h->platform)
			h->platform = NULL;
		if (ADIT_HAS(root, adit_module, fini))
			root->fini(m->ctx);
		if (m->allocated)
			log_warn(module_name(m->module), "module misuse: %zu blocks of memory were not released", m->allocated);
		free(m);
	}
}
