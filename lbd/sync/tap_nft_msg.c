/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_nft_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CHAIN    "exit"
#define TYPE(m)  ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (m)))
#define PRIORITY 300u       /* behind whatever rewrites a packet */
#define OWNER    0x2u       /* NFT_TABLE_F_OWNER */
#define NOBODY   UINT32_MAX /* the user that there is not */

static bool put_be32(struct lb_nl_batch *b, uint16_t type, uint32_t value)
{
	return lb_nl_u32(b, type, htonl(value));
}

/* One message of the batch: at is where it begins. */
static bool begin(struct lb_nl_batch *b, uint32_t seq, uint16_t type, uint16_t flags, size_t *at)
{
	const bool bound = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
	const struct nfgenmsg head = { .nfgen_family = bound ? AF_UNSPEC : NFPROTO_IPV4,
		.version = NFNETLINK_V0,
		.res_id = htons(bound ? NFNL_SUBSYS_NFTABLES : 0) };
	*at = b->len;
	return lb_nl_begin(b, seq, type, flags, &head, sizeof(head));
}

static bool put_bound(struct lb_nl_batch *b, uint32_t seq, uint16_t type)
{
	size_t at;
	return begin(b, seq, type, 0, &at) && lb_nl_end(b, at, true) == 0;
}

static bool put_table(struct lb_nl_batch *b, uint32_t seq)
{
	size_t at;
	return begin(b, seq, TYPE(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_EXCL, &at) &&
	       lb_nl_text(b, NFTA_TABLE_NAME, TAP_NFT_TABLE) && put_be32(b, NFTA_TABLE_FLAGS, OWNER) &&
	       lb_nl_end(b, at, true) == 0;
}

static bool put_chain(struct lb_nl_batch *b, uint32_t seq)
{
	size_t at, hook;
	return begin(b, seq, TYPE(NFT_MSG_NEWCHAIN), NLM_F_CREATE | NLM_F_EXCL, &at) &&
	       lb_nl_text(b, NFTA_CHAIN_TABLE, TAP_NFT_TABLE) && lb_nl_text(b, NFTA_CHAIN_NAME, CHAIN) &&
	       lb_nl_nest(b, NFTA_CHAIN_HOOK, &hook) && put_be32(b, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING) &&
	       put_be32(b, NFTA_HOOK_PRIORITY, PRIORITY) && lb_nl_nest_end(b, hook) &&
	       lb_nl_text(b, NFTA_CHAIN_TYPE, "filter") && lb_nl_end(b, at, true) == 0;
}

/* ---- the rule ---- */

struct place {
	size_t item, data;
};

static bool begin_expr(struct lb_nl_batch *b, const char *name, struct place *p)
{
	return lb_nl_nest(b, NFTA_LIST_ELEM, &p->item) && lb_nl_text(b, NFTA_EXPR_NAME, name) &&
	       lb_nl_nest(b, NFTA_EXPR_DATA, &p->data);
}

static bool end_expr(struct lb_nl_batch *b, const struct place *p)
{
	return lb_nl_nest_end(b, p->data) && lb_nl_nest_end(b, p->item);
}

/* Goes on where the packet has such a thing and it compares. */
static bool put_match(struct lb_nl_batch *b, enum nft_meta_keys key, enum nft_cmp_ops op, const void *value, size_t n)
{
	struct place p;
	size_t data;
	return begin_expr(b, "meta", &p) && put_be32(b, NFTA_META_DREG, NFT_REG_1) && put_be32(b, NFTA_META_KEY, key) &&
	       end_expr(b, &p) && begin_expr(b, "cmp", &p) && put_be32(b, NFTA_CMP_SREG, NFT_REG_1) &&
	       put_be32(b, NFTA_CMP_OP, op) && lb_nl_nest(b, NFTA_CMP_DATA, &data) &&
	       lb_nl_attr(b, NFTA_DATA_VALUE, value, n) && lb_nl_nest_end(b, data) && end_expr(b, &p);
}

static bool put_drop(struct lb_nl_batch *b)
{
	struct place p;
	size_t data, verdict;
	return begin_expr(b, "immediate", &p) && put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT) &&
	       lb_nl_nest(b, NFTA_IMMEDIATE_DATA, &data) && lb_nl_nest(b, NFTA_DATA_VERDICT, &verdict) &&
	       put_be32(b, NFTA_VERDICT_CODE, NF_DROP) && lb_nl_nest_end(b, verdict) && lb_nl_nest_end(b, data) &&
	       end_expr(b, &p);
}

/* By name: a number would mean nothing, or another device, to who loads a ruleset in which this table was saved. */
static bool put_rule(struct lb_nl_batch *b, uint32_t seq, const char *device)
{
	static const uint32_t nobody = NOBODY;
	char name[IFNAMSIZ] = "";
	size_t at, list;
	snprintf(name, sizeof(name), "%s", device);
	return begin(b, seq, TYPE(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, &at) &&
	       lb_nl_text(b, NFTA_RULE_TABLE, TAP_NFT_TABLE) && lb_nl_text(b, NFTA_RULE_CHAIN, CHAIN) &&
	       lb_nl_nest(b, NFTA_RULE_EXPRESSIONS, &list) &&
	       put_match(b, NFT_META_OIFNAME, NFT_CMP_EQ, name, sizeof(name)) &&
	       put_match(b, NFT_META_SKUID, NFT_CMP_NEQ, &nobody, sizeof(nobody)) && put_drop(b) &&
	       lb_nl_nest_end(b, list) && lb_nl_end(b, at, true) == 0;
}

int tap_nft_msg_guard(struct lb_nl_batch *b, uint32_t seq, const char *device)
{
	size_t from = b->len;
	if (put_bound(b, seq, NFNL_MSG_BATCH_BEGIN) && put_table(b, seq) && put_chain(b, seq) &&
		put_rule(b, seq, device) && put_bound(b, seq, NFNL_MSG_BATCH_END))
		return 0;
	b->len = from; /* all of it or nothing */
	return -EMSGSIZE;
}
