/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `watch`: records of events as they come. A watcher reads from memory at its own pace; one that is slower than what is
 * kept there gets a count of what it missed, and nobody waits for it. Also `metrics`, the other answer that is text.
 */
#pragma once

#include "lbd/ctl/ctl_env.h"

#define CTL_WATCHERS_MAX 16u

struct ctl_watches *ctl_watches_new(void); /* NULL: no memory */
/* Every answer must have ended, or its client have gone. */
void ctl_watches_free(struct ctl_watches *ws);

void ctl_watch(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* Records were added: whoever waits for some gets them. */
void ctl_watches_wake(struct ctl_watches *ws);

/* The daemon ends: they get what there is, and an end. */
void ctl_watches_end(struct ctl_watches *ws);

void ctl_metrics(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
