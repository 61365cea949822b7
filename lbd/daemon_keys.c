/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of VRRP and of the cluster are in files of their own: no generation has them, and nothing goes back to them. */
#include "lbd/daemon.h"
#include "lbd/daemon_rooms.h"
#include "lbd/state/state_io.h"

#include <string.h>

#define KEY_FILE_MAX 4096u

int daemon_key_read(const char *path, struct lb_text *out, struct lb_err *e, void *arg)
{
	struct daemon_key *key = arg;
	if (!key->there && state_read_secret(path, KEY_FILE_MAX,
				   "what `openssl rand -hex 32` says, the same on all nodes", &key->text, e))
		return -1;
	key->there = true;
	lb_text_put(out, key->text.n ? key->text.s : "", key->text.n);
	out->bad |= key->text.bad;
	return 0;
}

void daemon_key_done(struct daemon_key *key)
{
	if (key->text.n)
		explicit_bzero(key->text.s, key->text.n);
	lb_text_done(&key->text);
	key->there = false;
}

bool daemon_cluster_new_key(const struct daemon *d)
{
	const struct vrrp_peers *peers = &d->peer.next, *were = &d->peer.all.conf;
	const struct sync_conf *sync = &d->sync.next, *was = &d->sync.all.conf;
	return (peers->n_nodes && were->n_nodes && memcmp(&peers->key, &were->key, sizeof(peers->key)) != 0) ||
	       (sync->n_paths && was->n_paths &&
		       (sync->key_n != was->key_n || memcmp(sync->key, was->key, sizeof(sync->key)) != 0));
}

bool daemon_vrrp_new_keys(const struct daemon *d, const struct config *c, bool *cluster)
{
	const struct config *runs = d->model ? d->model->config : NULL;
	*cluster = runs && strcmp(runs->cluster.key_file, c->cluster.key_file) == 0 && daemon_cluster_new_key(d);
	return *cluster || model_vrrps_new_keys(&d->vrrp.all, c, d->vrrp.next) > 0;
}
