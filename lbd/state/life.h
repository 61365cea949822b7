/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a generation: what is stored of it, when it goes back, and what a start may run.
 *
 *   apply             stored as confirmed, runs
 *   apply --confirm   stored as pending, runs until the deadline
 *                       confirm             -> confirmed
 *                       deadline, rollback  -> rolled_back; the one before runs, and the kernel is compared with it
 *                       lbd ends            -> rolled_back by the next start
 *   rollback N        everything after N up to what runs -> rolled_back; N runs under its own number
 *
 * So what is on the disk is enough at any moment: the newest confirmed generation is the one to run when the file is
 * not. A state that cannot be stored costs only what can be asked for again: an unconfirmed generation stays pending,
 * which no start runs, until the disk takes its mark. A trial that ends marks itself only: what was confirmed stays so.
 *
 * A step function: state, event, now -> what is to be done, in that order. Pure; now is CLOCK_BOOTTIME, so that a
 * machine that slept goes back when it wakes up.
 */
#pragma once

#include "common/time.h"
#include "lbd/state/generation.h"

#include <stdbool.h>

#define LIFE_HEADS_MAX 64u /* more generations are not kept */
#define LIFE_TEXT      400u
#define LIFE_RETRY_MS  10000

struct life_head { /* of a stored generation, as it is on the disk */
	uint32_t number;
	enum generation_state state;
	char sha256[GENERATION_SHA_LEN + 1], why[GENERATION_MESSAGE_MAX + 1];
};

struct life_heads {
	size_t n;
	uint32_t unread; /* the newest that cannot be read; 0 = all were, UINT32_MAX = nobody knows which there are */
	struct life_head v[LIFE_HEADS_MAX]; /* by number */
};

enum life_phase {
	LIFE_RUNS,    /* nothing is under way */
	LIFE_PENDING, /* what runs waits for a confirm */
	LIFE_BACK,    /* an older one is being loaded */
	LIFE_LOOK,    /* it runs, and the kernel is being compared */
	LIFE_STUCK,   /* no older one could be loaded: again at the deadline */
	LIFE_FORWARD  /* a newer one is being loaded, which the start could not read */
};

enum life_verdict { LIFE_UNKNOWN, LIFE_VERIFIED, LIFE_DIFFERS };

enum life_doing { LIFE_NOTHING, LIFE_CONFIRMING, LIFE_GIVING_UP };

struct life {
	enum life_phase phase;
	enum life_doing doing;   /* until its marks are on the disk */
	uint32_t runs;           /* generation */
	uint32_t base;           /* while pending: the one to go back to */
	struct lb_time deadline; /* of PENDING and STUCK; LB_TIME_NEVER: the word of the other node decides */
	int64_t confirm_ms;      /* 0 = none was asked for */
	bool both;               /* the other node has it, too */
	bool asking;             /* the other node is being asked to confirm this: the deadline waits for its answer */
	uint32_t gave_up;        /* the generation that was rolled back; 0 = none since the last apply: the alarm */
	uint32_t to;             /* the one that is being loaded */
	enum life_verdict verdict;
	uint32_t differences;
	char why[GENERATION_MESSAGE_MAX + 1];
};

enum life_event_type {
	LIFE_EVENT_APPLY,     /* may another configuration be applied? */
	LIFE_EVENT_TAKEN,     /* number was stored and runs; pending if confirm_ms or held */
	LIFE_EVENT_SAME,      /* what was applied is what runs already */
	LIFE_EVENT_KEEP,      /* it was held; the other node runs it, too */
	LIFE_EVENT_ASK,       /* a confirm was asked for, and the other node is asked first */
	LIFE_EVENT_ASK_ENDED, /* it answered, or cannot */
	LIFE_EVENT_CONFIRM,
	LIFE_EVENT_CONFIRMED_THERE, /* the other node, which was asked, did: here only what it was asked about */
	LIFE_EVENT_ROLLBACK,        /* to number, 0 = the one before; text = why */
	LIFE_EVENT_FOUND,           /* number is confirmed and newer than what runs: the start could not read it */
	LIFE_EVENT_TIMER,
	LIFE_EVENT_MARKED, /* the marks are on the disk, or (failed) one that must be is not, text says why */
	LIFE_EVENT_LOADED, /* what was to run runs, or (failed) does not load, text says why */
	LIFE_EVENT_LOOKED  /* differences; failed: the kernel could not be compared, text says why */
};

struct life_event {
	enum life_event_type type;
	uint32_t number, differences;
	int64_t confirm_ms;
	bool held, both, failed;
	const char *text;               /* borrowed */
	const struct life_heads *heads; /* of ROLLBACK, TIMER, LOADED, MARKED */
};

enum life_act_type {
	LIFE_ACT_MARK, /* store that generation with that state, ROLLED_BACK with life.why; then comes LIFE_EVENT_MARKED
			*/
	LIFE_ACT_RUN,  /* load that generation; then comes LIFE_EVENT_LOADED */
	LIFE_ACT_LOOK  /* compare the kernel; then comes LIFE_EVENT_LOOKED */
};

struct life_act {
	enum life_act_type type;
	enum generation_state state; /* of MARK */
	bool must;                   /* of MARK: one that fails stops what is under way; else no start runs it anyway */
	uint32_t number;
};

struct life_acts {
	size_t n;
	struct life_act v[LIFE_HEADS_MAX + 1];
	bool said;         /* code and text are the answer for who asked, and the end of what was under way */
	enum lb_code code; /* REFUSED: nothing has changed */
	char text[LIFE_TEXT];
};

/* *out is what is to be done; nothing, often. */
void life_step(struct life *l, const struct life_event *ev, struct lb_time now, struct life_acts *out);

/* What a start runs. */
struct life_choice {
	bool file;        /* the file may run; else the newest confirmed generation, and the ones before it */
	uint32_t gave_up; /* not 0: this one was pending, or the file has its text and it was rolled back */
	uint32_t same;    /* the newest confirmed one has the text of the file: it is not stored again. 0 while one that
			   * cannot be read may be newer: what is stored now is the newest when it can be */
	bool unsure;      /* the file may have been rolled back: one that cannot be read knows */
	char why[GENERATION_MESSAGE_MAX + 1];
};
/* Marks in *out, and in heads, what is still pending. sha256: of the file; NULL = it cannot be used. */
void life_start(struct life *l, struct life_heads *heads, const char *sha256, struct life_choice *choice,
	struct life_acts *out);
/* number runs. gave_up, why: of the choice, when it is to be told. */
void life_started(struct life *l, uint32_t number, uint32_t gave_up, const char *why);

/* The newest confirmed one with a number below that; 0 = none. */
uint32_t life_older(const struct life_heads *heads, uint32_t below);

/* Nothing else is applied now, and no person is waited for: in a moment it runs, or has gone back. */
bool life_is_moment(const struct life *l);

/* Seconds until it goes back; -1 = it does not. */
double life_left(const struct life *l, struct lb_time now);
