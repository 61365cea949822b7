/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's words about an entry of connection tracking mean for what is known of it.
 *
 * The kernel tells of changes, and not of all: entries that were there before somebody listened may have none, nobody
 * is told that packets renew a timeout, and when it tells too fast, words are lost. So its table is looked through now
 * and then, which costs a word to the other node only where there is news. The same look finds what has gone without a
 * word, and what the other node told and this kernel has lost.
 *
 * Who is believed when the two nodes are not of one mind about an end. A dead entry more does little harm, and one of a
 * connection that lives and is idle is never taken for dead without a reason:
 *
 *   an end, and the entry is the other node's word   believed: a short time, and a packet makes it long again
 *   an end, and this kernel has told the entry       not believed; told anew with its next packet, and not before
 *                                                    (CT_DOUBTED)
 *   an end, and both had it end                      nothing is left to be said
 *   an own new process: what the kernel has          older than any word (CT_OLD_MS), so any end of it is believed
 *   the same, and the first look is not over         an end counts, too, for what that look has not come to
 *   the peer's new process: what it has found        for its full time, also by a standby, which may have missed it;
 *                                                    a short one where this node knows all that lives (sync_in_knows)
 *   the link was away for long                       ends wait until they were heard, CT_KEEP_S at most
 *   a reload copies less: the other node's           never put again; until this kernel changes it the other node's
 *                                                    last words are taken, then it is told as ended
 *   a reload copies less: this node's own            told as ended: the other node lets go of it unless it has packets
 *   a reload copies more                             a look tells what this kernel has, and the peer is asked for all
 *   nobody listened to this kernel for a while       what it has not got any more has ended, and is told so: then an
 *                                                    older word of the other node does not bring it back
 *   the same, and it had no room for all             what it has not got may live, and the peer is asked for all
 *
 * Pure.
 */
#pragma once

#include "lbd/sync/ct_flow.h"
#include "lbd/sync/flow_table.h"

enum ct_said {
	CT_SAID_CHANGED, /* new, or another one than it was */
	CT_SAID_GONE,
	CT_SAID_THERE /* a look at the table saw it */
};

enum ct_verdict {
	CT_NOTHING,
	CT_SAW,    /* as it is known */
	CT_LOCAL,  /* this kernel's, from now on */
	CT_OLD,    /* the same; nobody knows since when: whatever else is said of it is newer */
	CT_GO,     /* the other node is told that it has gone: ct_book_gone */
	CT_FORGET, /* without a word */
	CT_AGAIN   /* it goes into the kernel once more */
};

/* How far this node's words have come: the last number that was sent to the other node, and the last one that it has
 * acknowledged. Neither goes back: what it had heard once, its kernel has. */
struct ct_reach {
	uint64_t sent, heard;
};

/* have: what is known, NULL = nothing. in_kernel: it was put there since it came from the other node. first: nothing
 * was known when this look began. */
enum ct_verdict ct_book_said(const struct flow_entry *have, const struct flow *f, enum ct_said said, bool in_kernel,
	bool first, const struct ct_reach *reach, struct lb_time now);
/* Whether a packet came by since what is known of it was known: its time is not what that has run down to. More, or
 * less: nf_conntrack gives TCP whose data is not acknowledged yet five minutes (TCP_UNACK), and what closes little. */
bool ct_book_has_packets(const struct flow_entry *have, const struct flow *f, struct lb_time now);
/* The same of one that this configuration does not copy. What an earlier one copied from the other node is this
 * kernel's business from then on: its packets are not told, and it is not put again. At its first change it is over for
 * both nodes: a later configuration that copies it finds it by a look if it lives, and is not to bring back what has
 * ended. */
enum ct_verdict ct_book_said_apart(const struct flow_entry *have, enum ct_said said);
/* What it means of the other node's that a look has not seen it, though this kernel was given it. */
enum ct_missing {
	CT_MISSING_ENDED,  /* nobody listened, or this configuration does not copy it: then it is not heard of */
	CT_MISSING_LOST,   /* its end would have been heard: it goes there once more */
	CT_MISSING_LACKING /* the kernel had no room for all: it may never have been there */
};

/* A look is over and has not seen it. */
enum ct_verdict ct_book_unseen(const struct flow_entry *have, bool in_kernel, enum ct_missing missing,
	const struct ct_reach *reach, struct lb_time now);
/* Its time is over, and the kernel has not said a word of it, or is about to: CT_GO or CT_FORGET. */
enum ct_verdict ct_book_expired(const struct flow_entry *have, const struct ct_reach *reach);
/* What is known of it then: until the other node has heard that it has gone, CT_KEEP_S at most. It may come back after
 * hours, and its kernel has kept what it knew. The time that it is told is ct_flow_gone_s. */
void ct_book_gone(const struct flow_entry *have, struct flow *out);
/* Whether the other node may have it: what is put in its place has CT_TOLD. */
bool ct_book_was_told(const struct flow_entry *have, const struct ct_reach *reach);

/* Entries that were there when the first look began: nobody knows since when, so as far back as no word is, and whose
 * they were. The kernel of a standby is full of what the other node had told. */
#define CT_OLD_MS (INT64_C(86400000) * 30)

enum ct_belief {
	CT_REFUSED,
	CT_TAKEN,
	CT_DOUBTED /* not taken, and what is known is put again, ct_book_doubt: the other node has it no more */
};

/* What a record of the other node counts: it is news (fresh, see sync_is_news), and what this kernel has told itself
 * since it is listened to nobody takes away. Where that other node has just said that it has ended, it must hear of it
 * once more if it lives, and that of a busy connection would be told after hours only. first: not
 * one look is over, so that it is not known may be for want of having seen it: its end counts, and that look does not
 * bring it back. */
enum ct_belief ct_book_takes(
	const struct flow_entry *have, const struct flow *f, bool fresh, bool first, struct lb_time now);
/* Whether a record of that age waits for the first look: the other node told it before nobody listened here any more
 * (numbers up to unheard), and what became of it meanwhile this kernel has to say first. */
bool ct_book_waits(const struct flow_entry *have, int64_t age_ms, uint64_t unheard, struct lb_time now);
/* What is known of it then, told as long ago as it was: the next look that sees more time than that tells it anew.
 * False: nothing is left of it. */
bool ct_book_doubt(const struct flow_entry *have, struct lb_time now, struct flow *out);
/* Whether a record is taken that this configuration does not copy: the other node may have another one, and forgets
 * what it has told. So what it says of one that this kernel has from it counts to the end. */
bool ct_book_takes_apart(const struct flow_entry *have);
/* For how long. knows: what lives is known here, see sync_in_knows. Then an old entry that is not may well be one of
 * this node's own that has ended: it has to show that it lives, see ct_flow_gone_s. */
uint32_t ct_book_takes_s(const struct flow_entry *have, const struct flow *f, int64_t age_ms, bool knows);
