/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's list as it is read in pieces, while connections come and go between them. */
#include "lbd/sync/conn_whole.h"
#include "tests/unit/lbd_sync/flows.h"

#define ROWS_MAX 1000u

struct row {
	uint64_t id;
	unsigned len;
	bool stays; /* from the beginning to the end */
	bool given;
};

struct list {
	struct row row[ROWS_MAX];
	size_t n;
	uint64_t last_id;
};

struct reader { /* of fs/seq_file.c: a row that did not fit is kept, and the next place is a number */
	size_t index, left;
	uint64_t left_id; /* 0 = none */
};

static void add(struct list *l, uint64_t *seed, bool stays)
{
	if (l->n == ROWS_MAX)
		return;
	size_t at = random_of(seed) % (l->n + 1);
	memmove(l->row + at + 1, l->row + at, (l->n - at) * sizeof(*l->row));
	l->row[at] = (struct row){ ++l->last_id, random_of(seed) % 3 ? 66 : 159, stays, false };
	l->n++;
}

/* One that does not stay; false: there is none behind that place. */
static bool drop(struct list *l, size_t at)
{
	while (at < l->n && l->row[at].stays)
		at++;
	if (at >= l->n)
		return false;
	l->n--;
	memmove(l->row + at, l->row + at + 1, (l->n - at) * sizeof(*l->row));
	return true;
}

static void give(struct list *l, uint64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->row[i].id == id)
			l->row[i].given = true;
}

/* Bytes. */
static size_t read_piece(struct list *l, struct reader *r, size_t wanted, struct conn_whole *w)
{
	size_t n = r->left, filled = 0;
	if (r->left)
		give(l, r->left_id);
	r->left = 0;
	while (r->index < l->n && filled < wanted - n) {
		struct row *row = &l->row[r->index];
		if (filled + row->len >= 4096)
			break;
		filled += row->len;
		r->index++;
		if (filled > wanted - n) {
			r->left = filled - (wanted - n);
			r->left_id = row->id;
		} else {
			give(l, row->id);
			conn_whole_row(w, row->id);
		}
	}
	return n + filled - r->left;
}

/* How the list changes between two pieces. */
struct change {
	const char *what;
	unsigned come, go;    /* at most so many at a time */
	unsigned burst_of_16; /* and in so many of 16 pieces this many go at once */
	bool always;          /* it is whole whatever the seed */
	unsigned whole_of_64; /* at least; the others are known not to be */
};

static const struct change changes[] = {
	{ "nothing changes", 0, 0, 0, true, 64 },
	{ "some come", 3, 0, 0, true, 64 },
	{ "some go", 0, 3, 0, true, 64 },
	{ "some come and go", 4, 4, 0, true, 64 },
	{ "many come", 30, 0, 0, false, 60 },
	{ "many go at once, now and then", 2, 2, 2, false, 4 },
	{ "many go all the time", 0, 70, 0, false, 0 },
};

static void shift(struct list *l, const struct change *c, uint64_t *seed)
{
	unsigned come = c->come ? random_of(seed) % (c->come + 1) : 0, go = c->go ? random_of(seed) % (c->go + 1) : 0;
	if (random_of(seed) % 16 < c->burst_of_16)
		go += 80;
	for (unsigned i = 0; i < come; i++)
		add(l, seed, false);
	for (unsigned i = 0; i < go && drop(l, random_of(seed) % (l->n + 1)); i++) {
	}
}

/* Whether it says that it was whole. Then nothing that stayed is missing. */
static bool reads(const struct change *c, uint64_t seed)
{
	static struct list l;
	struct reader r[2] = { 0 };
	struct conn_whole w = { 0 };
	uint64_t s = seed;
	size_t n, wanted, pieces = 0;
	l.n = 0;
	r[0].left = r[1].left = 82; /* the line with the names */
	for (size_t i = random_of(&s) % 400; i > 0; i--)
		add(&l, &s, random_of(&s) % 2);
	do {
		unsigned i = conn_whole_next(&w, &wanted);
		ck_assert(wanted <= CONN_WHOLE_PIECE && wanted >= 1024);
		n = read_piece(&l, &r[i], wanted, &w);
		shift(&l, c, &s);
		ck_assert_msg(++pieces < 200, "%s: no end (seed %llu)", c->what, (unsigned long long)seed);
	} while (conn_whole_piece(&w, n));
	for (size_t i = 0; conn_whole_is(&w) && i < l.n; i++)
		ck_assert_msg(!l.row[i].stays || l.row[i].given, "%s: row %zu of %zu is missing (seed %llu)", c->what,
			i, l.n, (unsigned long long)seed);
	return conn_whole_is(&w);
}

START_TEST(what_stays_is_given)
{
	const struct change *c = &changes[_i];
	unsigned whole = 0, n = 0;
	for (uint64_t seed = 1; seed <= 256; seed++, n++) {
		bool is = reads(c, seed * 0x9e3779b97f4a7c15u);
		ck_assert_msg(is || !c->always, "%s: not whole (seed %llu)", c->what, (unsigned long long)seed);
		whole += is;
	}
	ck_assert_msg(whole * 64 >= c->whole_of_64 * n, "%s: whole %u of %u times", c->what, whole, n);
}
END_TEST

START_TEST(id_is_of_connection_and_server)
{
	const struct conn_whole w = { .seed = 1 }, other = { .seed = 2 };
	struct flow a = flow_of(IPPROTO_TCP, "192.0.2.1:4000", "203.0.113.1:80", "10.0.0.1:8080"), b = a;
	ck_assert(conn_whole_id(&w, &a) == conn_whole_id(&w, &b));
	b.timeout_s = 9, b.state = 3; /* what changes while it is there */
	ck_assert(conn_whole_id(&w, &a) == conn_whole_id(&w, &b));
	b.dest_port++;
	ck_assert(conn_whole_id(&w, &a) != conn_whole_id(&w, &b));
	b = a;
	b.dest.b[3]++;
	ck_assert(conn_whole_id(&w, &a) != conn_whole_id(&w, &b));
	b = a;
	b.key.client_port++;
	ck_assert(conn_whole_id(&w, &a) != conn_whole_id(&w, &b));
	/* nobody can choose two that are the same */
	ck_assert(conn_whole_id(&w, &a) != conn_whole_id(&other, &a));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn_whole");
	TCase *tc = tcase_create("conn_whole");
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, what_stays_is_given, 0, LEN(changes));
	tcase_add_test(tc, id_is_of_connection_and_server);
	return suite_run(s);
}
