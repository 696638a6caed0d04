/* SPDX-License-Identifier: MIT
 * fuzz_control.c - requests to the control socket, and the filters in them
 *
 * A request that is read must answer for itself: texts within their limit, an id that is JSON. With -DFUZZ_REPLAY it reads
 * the files that it is given.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json.h"
#include "control/request.h"
#include "control/row.h"
#include "flow/flowid.h"

static void judge(const struct request *q)
{
	char why[REQUEST_WHY];
	struct filter f;
	struct flow_row row = {.handle = 1ull << 32, .shards = 1, .proto = ADIT_PROTO_TCP, .state = FLOW_OPEN};
	struct json_tree *tree;
	adit_flow handle;
	uint32_t shard;
	unsigned i;

	for (i = 1; i < ARG_IDS; i++)
		if (q->arg[i].text && strlen(q->arg[i].text) > REQUEST_TEXT_MOST)
			abort();
	if (*q->id) {
		char whole[REQUEST_ID_TEXT + 2];
		int n = snprintf(whole, sizeof(whole), "[%s]", q->id);

		if (json_tree_read(&tree, whole, (size_t)n, NULL))
			abort();
		json_tree_free(tree);
	}
	if (!filter_read(&f, q, why))
		filter_fits(&f, &row);
	if (q->arg[ARG_FLOW].given && flowid_read(q->arg[ARG_FLOW].text, 7, &handle, &shard)) {
		char text[FLOWID_TEXT];
		adit_flow again;
		uint32_t there;

		if (shard >= 7 || !flowid_read(flowid_text(handle, shard, 7, text), 7, &again, &there) || again != handle ||
		    there != shard)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[REQUEST_WHY] = "";
	struct request q;
	int err = request_read(&q, (const char *)data, size, why);

	if (!err)
		judge(&q);
	else if (!*why)
		abort();
	request_fini(&q);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	int i, files = 0;

	for (i = 1; i < argc; i++) {
		static char text[1 << 17];
		FILE *f = fopen(argv[i], "rb");
		size_t size = f ? fread(text, 1, sizeof(text), f) : 0;
		char *exact = malloc(size ? size : 1);

		if (!f || !exact) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
		fclose(f);
		/* A block of its own size, so that a read beyond it is seen. */
		memcpy(exact, text, size);
		LLVMFuzzerTestOneInput((const uint8_t *)exact, size);
		free(exact);
		files++;
	}
	printf("%d files\n", files);
	return files ? 0 : 1;
}
#endif
