/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/import/ka.h"

int import_keepalived(const struct import_source *source, struct import_result *out)
{
	struct imp im;
	imp_init(&im, source->name);
	*out = (struct import_result){ 0 };
	struct ka k = { .im = &im, .root = ka_read(&im, source) };
	if (k.root) {
		/* the order of the file; what is under `checks` comes from both, names that people gave first */
		y_map(&im, &im.root, "defaults");
		y_map(&im, &im.root, "sync");
		y_map(&im, &im.root, "vrrp");
		y_map(&im, &im.root, "checks");
		y_map(&im, &im.root, "services");
		ka_vrrp(&k);
		ka_services(&k);
	}
	int err = imp_finish(&im, "keepalived", out);
	lb_vec_done(&k.checks);
	imp_done(&im);
	return err;
}
