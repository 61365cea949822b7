/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of daemon.h about generations: on the disk, confirmed, rolled back. */
#pragma once

#include "lbd/daemon.h"

/* ---- daemon_generation.c ---- */
int daemon_generation_store(struct daemon *d, const struct daemon_text *t, const struct ctl_peer *who,
	const char *message, bool pending, struct lb_err *e);
/* What a start runs, and no generation has: it gets the next number now, and goes to the disk when the kernel has it,
 * or before anything here is asked for. Without a place to store it it still runs: a full disk must not keep a balancer
 * down. Takes what is in *t. */
void daemon_generation_first(struct daemon *d, struct daemon_text *t);
void daemon_generation_first_store(struct daemon *d);
void daemon_generation_turn(struct daemon *d); /* tries the same, if it is time */
/* Whether what runs is on the disk, where it can be marked: tries the same. 0, or -1 and *e. */
int daemon_generation_known(struct daemon *d, struct lb_err *e);
/* The same of a text of which nobody could tell what had become of it (d->unsure), now that it is known: its number is
 * d->generation, and it is pending when it is to go back. False: it cannot be stored, and is as before. */
bool daemon_generation_sure(struct daemon *d, const struct life_choice *choice);
/* Another state directory took the place of that one: what runs, whose text is t (taken; empty = nobody has it), is the
 * newest confirmed in it afterwards, if it can be with the number it has. */
void daemon_generation_moved(struct daemon *d, int from, struct daemon_text *t);
void daemon_generation_forget(struct daemon *d); /* another one runs */
/* The file form of a stored generation in *raw and what it says in *g (points into raw). 0, or -1 and *e. */
int daemon_generation_load(
	struct daemon *d, uint32_t number, struct lb_text *raw, struct generation *g, struct lb_err *e);
/* 0, or -1 and *e: the disk says what it said before. */
int daemon_generation_mark(
	struct daemon *d, uint32_t number, enum generation_state state, const char *why, struct lb_err *e);
/* Heads of the newest, by number; how many. Those that are damaged are set aside; where one cannot be read that is an
 * alarm (daemon_unread). */
size_t daemon_generations(struct daemon *d, struct generation *out, size_t n);
size_t daemon_generations_damaged(struct daemon *d, uint32_t *out, size_t n);
void daemon_heads(struct daemon *d, struct life_heads *heads);
int daemon_text_sha256(const struct daemon_text *t, char out[GENERATION_SHA_LEN + 1]); /* 0 or -ENOMEM */

/* ---- daemon_life.c ---- */
/* One event: what it means is done. What was said, when nobody waits for it as d->life.reply. */
struct lb_err daemon_life_step(struct daemon *d, const struct life_event *ev);
/* Whether another configuration may be applied. 0, or -1 and *e. */
int daemon_life_may_apply(struct daemon *d, struct lb_err *e);
/* Whether there is something to go back to, which a start would run as well. 0, or -1 and *e. */
int daemon_life_may_pend(struct daemon *d, struct lb_err *e);
/* To number, 0 = the one before; why is stored. Holds r and ends it; r may be NULL. */
void daemon_life_rollback(struct daemon *d, uint32_t number, const char *why, struct ctl_reply *r);
/* What life_step wanted to run runs, or (failed) does not: text. */
void daemon_life_loaded(struct daemon *d, bool failed, const char *text);
/* What the file may do at a start: reads the disk, marks what was pending. t NULL: the file cannot be used. */
void daemon_life_start(
	struct daemon *d, const struct daemon_text *t, struct life_heads *heads, struct life_choice *choice);
void daemon_life_started(struct daemon *d, const struct life_choice *choice); /* d->generation runs */
/* The file was read again, and does not run: d->last_reject is what is wrong with it. */
void daemon_life_offered(struct daemon *d);
bool daemon_life_turn(struct daemon *d); /* before the loop sleeps; true: it began something */
void daemon_life_tick(struct daemon *d);
/* Whether the disk lacks marks that it did not take; tries them again. */
bool daemon_life_owes(const struct daemon *d);
void daemon_life_pay(struct daemon *d);
/* Reads again what could not be read. What runs since a start that knew too little goes back if it had been rolled
 * back; if it is a stored one, and there is a newer one that is confirmed, it goes forward to that. */
void daemon_life_again(struct daemon *d);
void daemon_life_done(struct daemon *d);

/* ---- daemon_confirm.c ---- */
void daemon_confirm(struct daemon *d, const struct ctl_peer *who, struct ctl_reply *r);
void daemon_rollback(struct daemon *d, uint32_t number, const struct ctl_peer *who, struct ctl_reply *r);
void daemon_confirm_tick(struct daemon *d); /* once a second: the other node is not waited for any longer */
void daemon_confirm_turn(
	struct daemon *d); /* before the deadline is looked at: what the other node asked is answered */
/* As struct ctl_talk_ops asked: the other node confirms, or goes back. */
int daemon_confirm_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e);
