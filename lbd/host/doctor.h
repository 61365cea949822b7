/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `lbd --doctor`: whether this host can do what the configuration asks for. Three steps, each of its own:
 *
 *   what is asked for   from the configuration, by whoever knows it (daemon_doctor.c)
 *   how the host is     read into the same structs (doctor_io.c); everything that could not be read is said
 *   what is wrong       decided here, without looking at anything else; the words are lb_findings
 *
 * It runs as a program of its own, with the rights of who calls it: the daemon is not asked and not held up.
 */
#pragma once

#include "common/addr.h"
#include "common/finding.h"
#include "common/vec.h"
#include "lbd/host/host.h"

#define DOCTOR_OBJECT_MAX 144
#define DOCTOR_NAME_MAX   64

/* Each: what is asked for, then (behind the line) how it is. */
struct doctor_module {
	char name[32];
	const char *why;
	char object[DOCTOR_OBJECT_MAX];
	/* ---- */
	bool loaded;
};

struct doctor_address { /* that clients use */
	struct lb_ip ip;
	char object[DOCTOR_OBJECT_MAX];
	bool carried; /* by a VRRP instance */
	bool dr;
	/* ---- */
	bool local;
	char dev[16];                  /* where it stands, "" = on none by itself */
	bool moved;                    /* that is a card of VRRP */
	long arp_ignore, arp_announce; /* the higher of `all` and dev; -1 = cannot be read */
};

struct doctor_card { /* of a VRRP instance, or tracked by one */
	const char *name;
	char object[DOCTOR_OBJECT_MAX];
	uint8_t family;
	bool source;  /* an address to send from is configured */
	bool tracked; /* nothing else is asked of it than that there is one: what it is may be why it is tracked */
	/* ---- */
	bool there, up, carrier, address;
};

struct doctor_backend {
	struct lb_ip ip;
	const char *service;
	char object[DOCTOR_OBJECT_MAX];
	bool dr, nat;
	unsigned tunnel; /* bytes in front of a packet, 0 = none */
	/* ---- */
	int err;          /* positive errno of the route, 0 = there is one; -1 = it was not asked */
	struct lb_ip via; /* family 0 = in our segment */
	char dev[16];
	unsigned mtu; /* 0 = not known */
};

struct doctor_probe {   /* of a check that goes to the backend's own address */
	size_t backend; /* its place in `backends` */
	const char *check;
	struct lb_ip source;   /* family 0 = the kernel's choice */
	const char *interface; /* NULL = by the routes */
	uint8_t proto;         /* 0 = of no transport */
	uint16_t port;
	/* ---- */
	int err; /* as of the backend */
	struct lb_ip via;
	char dev[16];
};

enum doctor_file_kind { DOCTOR_KEY, DOCTOR_PROGRAM };
struct doctor_file {
	const char *path;
	char object[DOCTOR_OBJECT_MAX];
	enum doctor_file_kind kind;
	/* ---- */
	int err; /* positive errno */
	unsigned mode, uid, gid;
};

struct doctor_socket {
	char path[128];
	const char *group;
	/* ---- */
	bool there;
	unsigned mode, gid;
};

/* A base chain of the firewall. */
struct doctor_chain {
	char family[8], table[DOCTOR_NAME_MAX], name[DOCTOR_NAME_MAX];
	bool forward;    /* else input */
	bool drops;      /* what no rule lets through */
	bool accepts;    /* there is a rule that lets something through, or that leads elsewhere */
	bool vrrp, port; /* something of its table names them */
};
struct doctor_firewall {
	LB_VEC(struct doctor_chain) chains;
};

/* Reads what `nft list ruleset` prints: any bytes. port: the one of the other node. 0 or -ENOMEM. */
int doctor_firewall_read(struct doctor_firewall *f, const char *text, size_t n, unsigned port);

struct doctor {
	struct host_needs needs;
	LB_VEC(struct doctor_module) modules;
	LB_VEC(struct doctor_address) addresses;
	LB_VEC(struct doctor_card) cards;
	LB_VEC(struct doctor_backend) backends;
	LB_VEC(struct doctor_probe) probes;
	LB_VEC(struct doctor_file) files;
	struct doctor_socket sockets[2];
	const char *user, *probe_user; /* "" = the users of this host are not looked at */
	const char *state_dir;
	const char *groups[2];
	unsigned port;        /* of the other node, 0 = there is none */
	bool pair, vrrp, nft; /* nft: a table of ours is needed */
	/* ---- */
	bool user_there[2], group_there[2];
	unsigned uid, gid; /* of user */
	int state_err;     /* positive errno */
	unsigned state_uid;
	bool clock_synced, nft_there, firewall_read;
	struct host_finding host[16];
	size_t n_host;
	struct doctor_firewall firewall;
	int route_fd; /* while it is looked */
};

void doctor_done(struct doctor *d);

#define DOCTOR_TEXT_MAX 320
/* text and fix are valid during the call. id < 0: it could not be looked at, text says what and why. */
typedef void doctor_fn(void *arg, int id, const char *object, const char *text, const char *fix);

void doctor_judge(const struct doctor *d, doctor_fn *fn, void *arg);
