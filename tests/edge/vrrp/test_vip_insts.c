/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole vrrp process on a card of its own, told by this program as by the core: what becomes of its addresses. */
#include "common/buf.h"
#include "lbd/vrrp/vrrp_io.h"
#include "lbd/vrrp/vrrp_msg.h"
#include "tests/edge/vrrp/host.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>

static pid_t worker;
static int channel = -1;
static char said[1 << 20]; /* all that it said, as text */
static size_t n_said;
static uint32_t pings;

static void tell(const struct vrrp_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	vrrp_msg_write(m, &line);
	ck_assert(!line.bad);
	ck_assert_int_eq(send(channel, line.s, line.n, MSG_NOSIGNAL), (ssize_t)line.n);
	lb_text_done(&line);
}

static void set(const struct vrrp_conf *c)
{
	struct vrrp_conf copy = *c;
	tell(&(struct vrrp_msg){ .type = VRRP_MSG_SET, .u.set = &copy });
}

static void start_worker(void)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	worker = fork();
	if (worker == 0) {
		close(pair[0]);
		fcntl(pair[1], F_SETFL, O_NONBLOCK);
		vrrp_worker_prepare(-1);
		_exit(vrrp_worker_main(pair[1], NULL));
	}
	close(pair[1]);
	channel = pair[0];
	n_said = 0;
	tell(&(struct vrrp_msg){
		.type = VRRP_MSG_HELLO, .u.hello = { .version = LB_PROTO_VERSION, .level = LB_LOG_INFO } });
}

/* As of a core that ended without a word: what it has stays. */
static void abandon_worker(void)
{
	close(channel);
	ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
}

static void hear(void)
{
	ssize_t got;
	while (n_said + 1 < sizeof(said) &&
		(got = recv(channel, said + n_said, sizeof(said) - n_said - 1, MSG_DONTWAIT)) > 0)
		n_said += (size_t)got;
	said[n_said] = '\0';
	poll(NULL, 0, 10);
}

/* The core speaks every second; here each time that something is looked at. */
static void listen_to_it(void)
{
	tell(&(struct vrrp_msg){ .type = VRRP_MSG_PING, .u.ping = ++pings });
	hear();
}

#define UNTIL(condition) AWAIT(condition, listen_to_it)
#define AWAIT(condition, look)                                                                                         \
	do {                                                                                                           \
		struct lb_time end_ = lb_time_add_ms(lb_clock_now(), 10000);                                           \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(lb_time_cmp(lb_clock_now(), end_) < 0, "%s: never; it said\n%s", #condition,     \
				n_said > 2000 ? said + n_said - 2000 : said);                                          \
			look();                                                                                        \
		}                                                                                                      \
	} while (0)

/* Everything that it has heard by now is done. */
static void settle(void)
{
	char word[48];
	snprintf(word, sizeof(word), "\"pong\",\"n\":%u,", pings + 1);
	UNTIL(strstr(said, word));
}

static struct vrrp_conf inst(uint32_t id, const char *name, unsigned first, unsigned n)
{
	struct vrrp_conf c = { .id = id, .interface = "v0", .family = AF_INET, .version = 3, .vrid = (uint8_t)id };
	snprintf(c.name, sizeof(c.name), "%s", name);
	c.prio = 150;
	c.rules = (struct vrrp_rules){ .version = 3, .interval_cs = 10, .preempt = true };
	c.min_ttl = 255;
	for (unsigned i = 0; i < n; i++)
		c.addrs[c.n_addrs++] = vip(AF_INET, first + i);
	return c;
}

static void setup_worker(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	sh("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up &&"
	   "ip addr add 10.0.0.1/24 dev v0");
	start_worker();
}

/* ---- addresses that others take away ---- */

START_TEST(all_addresses_at_once_are_one_loss)
{
	struct vrrp_conf c = inst(1, "wan", 1, 5);
	set(&c);
	UNTIL(held() == 5);
	/* one at a time for the kernel; and told of all of them before the first is back */
	kill(worker, SIGSTOP);
	sh("ip addr flush dev v0 to 10.77.0.0/16");
	kill(worker, SIGCONT);
	UNTIL(held() == 5);
	settle();
	ck_assert_uint_eq(held(), 5);
	ck_assert_ptr_null(strstr(said, "vip_contended"));
	/* who goes on has them */
	while (!strstr(said, "vip_contended")) {
		sh("ip addr flush dev v0 to 10.77.0.0/16 2>/dev/null || true");
		settle();
	}
	UNTIL(held() == 0);
}
END_TEST

/* ---- addresses that a reload moves ---- */

/* The giver is told behind the taker, as their names say. */
static const struct {
	const char *what;
	uint8_t vrid;
} givers[] = {
	{ "it has another one", 2 },
	{ "it is made anew", 3 },
};

START_TEST(an_address_moves_to_another_master)
{
	struct vrrp_conf a = inst(1, "a", 1, 1), b = inst(2, "b", 2, 2);
	set(&a);
	set(&b);
	UNTIL(held() == 3);
	settle();
	a = inst(1, "a", 1, 2);
	b = inst(2, "b", 3, 1);
	b.vrid = givers[_i].vrid;
	set(&a);
	set(&b);
	settle();
	UNTIL(held() == 3);
}
END_TEST

/* ---- announcements ---- */

/* Everything that v1 hears of ARP. */
static int open_wire(void)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)if_nametoindex("v1")
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* How often the first address has been announced, of what has come since; with this hardware address, unless NULL. */
static unsigned announced_with(int wire, const uint8_t *mac)
{
	struct vip v = vip(AF_INET, 1);
	uint8_t frame[256];
	unsigned n = 0;
	ssize_t len;
	while ((len = recv(wire, frame, sizeof(frame), 0)) > 0)
		n += len >= VRRP_FRAME_GARP && memcmp(frame + 28, v.ip.b, 4) == 0 &&
		     memcmp(frame + 38, v.ip.b, 4) == 0 && (!mac || memcmp(frame + 22, mac, 6) == 0);
	return n;
}

static unsigned announced(int wire)
{
	return announced_with(wire, NULL);
}

static const struct {
	const char *what;
	struct vrrp_announce_rules was, is;
} refreshes[] = {
	{ "a refresh where there was none", { .count = 1 }, { .count = 1, .refresh_ms = 50 } },
	{ "sooner than before", { .count = 1, .refresh_ms = 86400000 }, { .count = 1, .refresh_ms = 50 } },
	{ "where nothing was announced", { 0 }, { .count = 1, .refresh_ms = 50 } },
};

START_TEST(a_master_takes_new_rules_of_announcing)
{
	struct vrrp_conf c = inst(1, "wan", 1, 1);
	int wire = open_wire();
	c.announce = refreshes[_i].was;
	set(&c);
	UNTIL(held() == 1);
	settle();
	c.announce = refreshes[_i].is;
	set(&c);
	settle();
	unsigned n = 0;
	UNTIL((n += announced(wire)) >= 5); /* not only once */
	close(wire);
}
END_TEST

START_TEST(a_card_gets_another_hardware_address)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x77 };
	struct vrrp_conf c = inst(1, "wan", 1, 1);
	int wire = open_wire();
	c.announce = (struct vrrp_announce_rules){ .count = 1 };
	set(&c);
	UNTIL(held() == 1 && announced(wire));
	sh("ip link set v0 address 02:00:00:00:00:77");
	UNTIL(announced_with(wire, mac));
	settle();
	sh("ip link set v0 mtu 1400"); /* nothing that a neighbour need know */
	settle();
	ck_assert_uint_eq(announced(wire), 0);
	close(wire);
}
END_TEST

/* ---- addresses that a process before us left for good ---- */

static void start_again(void)
{
	abandon_worker();
	start_worker();
}

START_TEST(what_no_instance_has_any_more_goes)
{
	struct vrrp_conf c = inst(1, "wan", 1, 2);
	set(&c);
	UNTIL(held() == 2);
	start_again();
	ck_assert_uint_eq(held(), 2);
	c = inst(1, "wan", 1, 1);
	set(&c);
	UNTIL(held() == 1);
	sh("ip addr show dev v0 | grep -q 10.77.0.1/");
	/* of a card that is not looked at any more */
	start_again();
	c = inst(1, "wan", 1, 1);
	snprintf(c.interface, sizeof(c.interface), "v1");
	sh("ip addr add 10.0.1.1/24 dev v1");
	set(&c);
	UNTIL(strstr(said, "\"state\":\"master\"") && held() == 1);
	sh("ip addr show dev v1 | grep -q 10.77.0.1/");
}
END_TEST

/* Whether the one of ours has a prefix of 128 bits. */
static bool stands_alone(void)
{
	static const uint8_t whole[16] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255 };
	struct ifaddrs *list, *a;
	bool yes = false;
	ck_assert_int_eq(getifaddrs(&list), 0);
	for (a = list; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET6)
			continue;
		const uint8_t *ip = ((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr.s6_addr;
		const uint8_t *mask = ((struct sockaddr_in6 *)(void *)a->ifa_netmask)->sin6_addr.s6_addr;
		yes |= ip[0] == 0xfd && ip[1] == 0x77 && memcmp(mask, whole, sizeof(whole)) == 0;
	}
	freeifaddrs(list);
	return yes;
}

/* The kernel keeps it as it was, and takes away the only one. */
START_TEST(an_address_with_another_prefix_stays)
{
	struct vrrp_conf c = inst(1, "wan", 1, 0);
	sh("ip addr add fd00::1/64 dev v0 nodad");
	c.family = AF_INET6;
	for (unsigned i = 1; i <= 2; i++)
		c.addrs[c.n_addrs++] = vip(AF_INET6, i);
	memcpy(c.addrs[0].ip.b, "\xfe\x80", 2); /* RFC 9568 section 5.2.9: the first one is link-local */
	c.addrs[1].prefix = 64;
	set(&c);
	UNTIL(held() == 1);
	start_again();
	c.addrs[1].prefix = 128;
	set(&c);
	AWAIT(strstr(said, "\"state\":\"master\""), hear); /* before the core speaks */
	UNTIL(stands_alone());
	settle();
	ck_assert_uint_eq(held(), 1);
}
END_TEST

/* It is the host's, and was before there was an instance. */
START_TEST(what_an_owner_had_stays)
{
	struct vrrp_conf c = inst(1, "wan", 1, 2), owner = inst(2, "own", 3, 1);
	owner.prio = VRRP_PRIO_OWNER;
	sh("ip addr add 10.77.0.3/32 dev v0");
	set(&owner);
	set(&c);
	UNTIL(held() == 3);
	start_again();
	c = inst(1, "wan", 1, 1);
	set(&c);
	UNTIL(held() == 2);
	sh("ip addr show dev v0 | grep -q 10.77.0.3/");
}
END_TEST

int main(void)
{
	if (!can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	Suite *s = suite_create("vip_insts");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup_worker, abandon_worker);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, all_addresses_at_once_are_one_loss);
	tcase_add_loop_test(tc, an_address_moves_to_another_master, 0, LEN(givers));
	tcase_add_loop_test(tc, a_master_takes_new_rules_of_announcing, 0, LEN(refreshes));
	tcase_add_test(tc, a_card_gets_another_hardware_address);
	tcase_add_test(tc, what_no_instance_has_any_more_goes);
	tcase_add_test(tc, an_address_with_another_prefix_stays);
	tcase_add_test(tc, what_an_owner_had_stays);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
