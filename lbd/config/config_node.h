/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A YAML document as a tree: what was written and where, nothing about what it means. It lives in the arena of the
 * load and is freed whole once the structs of config.h are built. */
#pragma once

#include "lbd/config/config_report.h"

enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_MAP, CONFIG_NODE_SEQ };

struct config_node {
	struct config_node *child; /* map: key, value, key, value ...; seq: the items */
	struct config_node *next;  /* sibling */
	uint32_t len;              /* scalar: bytes of text; else number of children */
	uint32_t line, column, width;
	uint16_t file;
	uint8_t kind; /* enum config_node_kind */
	bool quoted;  /* or a block scalar: certainly text */
	bool bad;     /* an error was reported here: nobody reads further. For a key: skip the value too */
	char text[];  /* scalar: terminated, UTF-8, no NUL inside; else "". Inside the node: most of a tree is short
			 words */
};

static inline struct config_place config_node_place(const struct config_node *n)
{
	return (struct config_place){ n->file, n->line, n->column, n->width };
}
