/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the command line as a request: `lbctl [GLOBAL] NOUN VERB [OBJECT] [OPTIONS]`. Pure: what is a terminal
 * and what the environment says is told by the caller, so a test needs neither.
 */
#pragma once

#include "common/commands.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct lb_text;

enum cli_form { CLI_FORM_TABLE, CLI_FORM_WIDE, CLI_FORM_JSON, CLI_FORM_JSONL, CLI_FORM_TSV, CLI_FORM_IPVSADM };
#define CLI_FORM_COUNT 6
extern const char *const cli_form_names[CLI_FORM_COUNT];
static inline bool cli_form_is_json(enum cli_form f)
{
	return f == CLI_FORM_JSON || f == CLI_FORM_JSONL;
}

enum cli_colour { CLI_COLOUR_AUTO, CLI_COLOUR_ALWAYS, CLI_COLOUR_NEVER };
#define CLI_COLOUR_COUNT 3
extern const char *const cli_colour_names[CLI_COLOUR_COUNT];

struct cli_options {
	enum cli_form form;
	enum cli_colour colour;
	bool colour_given;
	bool pretty, no_header, unscaled, iec, dry_run, yes, quiet, help, version;
	bool peer;          /* the other node does it */
	int64_t watch_ms;   /* 0 = once */
	int64_t timeout_ms; /* 0 = none */
	bool wait;
	int64_t wait_ms;         /* 0 = no limit */
	long long if_generation; /* 0 = not asked */
	const char *socket;      /* NULL = the usual ones; borrowed from argv */
};

/* A row of the table of global options; help and completion are printed from it. */
struct cli_option {
	const char *name;
	char letter;                                                     /* 0 = none */
	enum { CLI_TAKES_NONE, CLI_TAKES_VALUE, CLI_TAKES_MAYBE } takes; /* MAYBE: only attached, -w2s or --wait=5m */
	const char *metavar;
	const char *const *choices; /* for completion, ends with NULL; may be NULL */
	const char *help;
};
extern const struct cli_option cli_options[];
extern const size_t cli_options_n;

struct cli {
	struct cli_options opt;
	const struct lb_command *cmd; /* NULL only with opt.help or opt.version */
	json_t *args;                 /* owned, an object */
	const char *file;             /* the word of an LB_ARG_FILE, "-" = standard input; NULL = none; borrowed */
	const struct lb_arg *glob;    /* the object that is a glob: not in args; NULL = none */
	const char *glob_word;        /* borrowed */
	const char *noun;             /* a noun whose help is wanted; borrowed */
	char *const *words;           /* of LB_ARG_WORDS; borrowed */
	int n_words;
};

/* Reads argv[1..]. terminal: unique prefixes of nouns and verbs are understood. 0; -1 with *e (LB_CODE_USAGE or
 * LB_CODE_FAILED). The caller calls cli_done in both cases. argv must outlive *out. */
int cli_parse(int argc, char *const *argv, bool terminal, struct cli *out, struct lb_err *e);
void cli_done(struct cli *c);

/* The request line of a command, newline included, appended. args NULL = an empty object. Of opt: if_generation, peer.
 */
void cli_request(
	long long id, const char *wire, const json_t *args, const struct cli_options *opt, struct lb_text *out);

/* The command in words, as one would type it: "backend drain web/app1 --for 30m". Appended. */
void cli_words(const struct lb_command *cmd, const json_t *args, struct lb_text *out);

/* Whether words get colours: -c, then LBCTL_COLOR, then NO_COLOR and the terminal. The environment's values may be
 * NULL. */
bool cli_wants_colour(
	const struct cli_options *opt, const char *lbctl_color, const char *no_color, bool stdout_terminal);

/* cli_words.c: of a noun, or with NULL of none; words: those that there are. */
void cli_unknown_word(const char *noun, const char *got, const char *const *words, size_t n, struct lb_err *e);
