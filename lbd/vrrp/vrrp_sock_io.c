/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adverts in and out: one raw socket per card and family, for all VRIDs there, multicast and unicast. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MAX    256  /* datagrams at once: a flood must not hold up our own adverts */
#define READ_SIZE    8192 /* the longest legal advert has 4 KiB */
#define OWNER_MS     5000 /* beats of a node that is there come within that */
#define UNSENT_ALARM 2    /* adverts in a row that do not leave are an alarm: at the third others take over */

/* ---- the filter ---- */

/* Lets in what has one of our VRIDs: whatever else uses protocol 112 on this network never wakes us. Where the message
 * starts depends on the options of an IPv4 header; IPv6 sockets get the message alone. */
static int filter(const struct sock *s)
{
	struct sock_filter code[256 + 4];
	size_t n = 0, at = 0, total = 0;
	for (int vrid = 1; vrid < 256; vrid++)
		total += s->by_vrid[vrid] != NULL;
	if (s->family == AF_INET) {
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1);
	} else {
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1);
	}
	for (uint32_t vrid = 1; vrid < 256; vrid++)
		if (s->by_vrid[vrid]) /* to the last statement, or on */
			code[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, vrid, (uint8_t)(total - at++), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	const struct sock_fprog prog = { (unsigned short)n, code };
	return setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

/* ---- opening ---- */

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

/* As by_vrid is now. Where the kernel has no memory for another filter the one before would stay, and an instance that
 * came be deaf, and a second master: rather everything is heard, until there is memory. */
static void hear(struct sock *s)
{
	int err = filter(s);
	if (err) {
		(void)set(s->fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
		if (!s->unfiltered)
			lb_log(LB_LOG_WARNING, "vrrp: no filter for adverts on %s: %s; those of others are read, too",
				s->card->name, strerror(-err));
	}
	s->unfiltered = err != 0;
}

static int options4(const struct sock *s)
{
	const struct lb_ip group = vrrp_group_address(AF_INET);
	struct ip_mreqn join = { .imr_ifindex = s->card->index };
	memcpy(&join.imr_multiaddr, group.b, 4);
	int err = set(s->fd, IPPROTO_IP, IP_HDRINCL, 1);
	err = err ? err : set(s->fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	if (!err && (setsockopt(s->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) ||
			    setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &join, sizeof(join))))
		err = -errno;
	return err;
}

static int options6(const struct sock *s)
{
	const struct lb_ip group = vrrp_group_address(AF_INET6);
	struct ipv6_mreq join = { .ipv6mr_interface = (unsigned)s->card->index };
	memcpy(&join.ipv6mr_multiaddr, group.b, 16);
	static const struct {
		int name, value;
	} rows[] = {
		{ IPV6_MULTICAST_LOOP, 0 },
		{ IPV6_MULTICAST_HOPS, VRRP_TTL },
		{ IPV6_UNICAST_HOPS, VRRP_TTL },
		{ IPV6_TCLASS, VRRP_TOS },
		{ IPV6_RECVHOPLIMIT, 1 },
		{ IPV6_RECVPKTINFO, 1 },
	};
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++)
		err = set(s->fd, IPPROTO_IPV6, rows[i].name, rows[i].value);
	err = err ? err : set(s->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, s->card->index);
	if (!err && setsockopt(s->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join, sizeof(join)))
		err = -errno;
	return err;
}

static void shut(struct sock *s)
{
	if (s->fd < 0)
		return;
	ev_io_stop(s->w->base.loop, &s->readable);
	close(s->fd);
	s->fd = -1;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	if (!lb_room_deaf(loop, events, "adverts"))
		sock_drain((struct sock *)((char *)io - offsetof(struct sock, readable)));
}

static int open_it(struct sock *s)
{
	s->fd = socket(s->family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, VRRP_PROTOCOL);
	if (s->fd < 0)
		return -errno;
	/* the filter first: what arrived before it is of no instance and is read away */
	hear(s);
	int err = 0;
	if (setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, s->card->name, (socklen_t)strlen(s->card->name)))
		err = -errno;
	err = err ? err : set(s->fd, SOL_SOCKET, SO_PRIORITY, 6);
	err = err ? err : s->family == AF_INET ? options4(s) : options6(s);
	if (err) {
		close(s->fd);
		s->fd = -1;
		return err;
	}
	s->index = s->card->index;
	s->life = s->card->life;
	s->life6 = s->card->life6;
	ev_io_set(&s->readable, s->fd, EV_READ);
	ev_io_start(s->w->base.loop, &s->readable);
	return 0;
}

/* A card that was deleted and made again took our groups along, and so did the end of IPv6 on it. */
static bool is_old(const struct sock *s)
{
	return s->index != s->card->index || s->life != s->card->life ||
	       (s->family == AF_INET6 && s->life6 != s->card->life6);
}

bool sock_look(struct sock *s)
{
	if (s->fd >= 0 && is_old(s))
		shut(s);
	if (s->fd >= 0 && s->unfiltered)
		hear(s);
	int err = s->fd < 0 && s->card->index ? open_it(s) : 0;
	if (err && err != s->refused)
		lb_log(LB_LOG_ERROR, "vrrp: no socket for adverts on %s: %s; trying again", s->card->name,
			strerror(-err));
	s->refused = err;
	return s->fd >= 0;
}

struct sock *sock_get(struct room *w, struct vip_card *card, struct inst *i)
{
	struct sock *s;
	LIST_FOREACH (s, &w->socks, next)
		if (s->card == card && s->family == i->conf.family)
			break;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		*s = (struct sock){ .w = w, .card = card, .family = i->conf.family, .fd = -1 };
		ev_init(&s->readable, on_readable);
		ev_set_priority(&s->readable, 1); /* an advert that is here counts before a deadline that is due */
		LIST_INSERT_HEAD(&w->socks, s, next);
	}
	s->refs++;
	s->by_vrid[i->conf.vrid] = i;
	if (s->fd >= 0)
		hear(s);
	return s;
}

/* ---- alarms ---- */

/* Told once, of the first: a flood costs no message each. */
void sock_alarm(struct inst *i, enum vrrp_alarm alarm, int64_t quiet_us, const char *text)
{
	if (vrrp_alarm_note(&i->alarms, alarm, quiet_us, lb_clock_now()))
		inst_tell_alarm(i, alarm, true, text);
}

static void alarms_end(struct inst *i, struct lb_time now)
{
	uint32_t over = vrrp_alarms_over(&i->alarms, now);
	for (unsigned k = 0; k < VRRP_ALARM_COUNT; k++)
		if (over & 1u << k)
			inst_tell_alarm(i, (enum vrrp_alarm)k, false, "");
}

void sock_calm(struct inst *i)
{
	alarms_end(i, lb_clock_now());
}

void sock_put(struct sock *s, struct inst *i)
{
	alarms_end(i, LB_TIME_NEVER);
	if (s->by_vrid[i->conf.vrid] == i)
		s->by_vrid[i->conf.vrid] = NULL;
	if (--s->refs) {
		if (s->fd >= 0)
			hear(s);
		return;
	}
	shut(s);
	LIST_REMOVE(s, next);
	free(s);
}

/* ---- in ---- */

static struct lb_ip ip6(const struct in6_addr *a)
{
	struct lb_ip ip = { .family = AF_INET6 };
	memcpy(ip.b, a, 16);
	return ip;
}

/* What IPv6 does not hand over as bytes: from, to, hop limit. */
static int split6(struct msghdr *mh, const struct sockaddr_in6 *from, struct vrrp_datagram *d)
{
	bool has_to = false, has_ttl = false;
	d->from = ip6(&from->sin6_addr);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			d->to = ip6(&info.ipi6_addr);
			has_to = true;
		} else if (c->cmsg_type == IPV6_HOPLIMIT) {
			int hops;
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
			d->ttl = (uint8_t)hops;
			has_ttl = true;
		}
	}
	return has_to && has_ttl ? 0 : -EBADMSG;
}

/* Whether this one may say 255: it is signed, or it says so over the second path, too, which may not have been heard
 * yet in the beginning. */
static bool owner_known(const struct inst *i, const struct lb_ip *from)
{
	bool early = i->w->peers && lb_time_diff_us(lb_clock_now(), i->made_at) < OWNER_MS * 1000;
	return inst_is_owner(i) || i->conf.auth.mode == VRRP_AUTH_ENFORCE || lb_ip_cmp(&i->owner, from) == 0 || early;
}

/* Before it becomes an event: i may be gone afterwards. */
static void look(struct inst *i, const struct vrrp_datagram *d, enum vrrp_discard why, const struct vrrp_advert *a)
{
	char text[VRRP_REASON_MAX];
	const struct vrrp_heard h = { .wire = &i->wire,
		.d = d,
		.why = why,
		.a = a,
		.master = i->fsm.state == VRRP_STATE_MASTER,
		.owner_known = owner_known(i, &d->from) };
	uint32_t bits = vrrp_alarms_of(&h);
	for (unsigned k = 0; bits && k < VRRP_ALARM_COUNT; k++) {
		if (!(bits & 1u << k))
			continue;
		vrrp_alarm_text(&h, (enum vrrp_alarm)k, text, sizeof(text));
		sock_alarm(i, (enum vrrp_alarm)k, vrrp_alarm_quiet_us(&h, vrrp_down_us(&i->fsm)), text);
	}
}

static void take(struct sock *s, const struct vrrp_datagram *d)
{
	struct inst *i = s->by_vrid[vrrp_pkt_vrid(d)];
	struct vrrp_advert a;
	if (!i)
		return;
	enum vrrp_discard why = vrrp_pkt_read(&i->wire, d, i->conf.auth.mode != VRRP_AUTH_OFF, &a);
	if (why == VRRP_DISCARD_NONE)
		why = vrrp_auth_verify(&i->conf.auth, d, &a, lb_clock_wall_ms() * 1000);
	i->stats.discarded[why] += why != VRRP_DISCARD_NONE;
	look(i, d, why, &a);
	if (why == VRRP_DISCARD_NONE)
		inst_advert(i, &a); /* i may be gone afterwards */
}

/* One datagram. False: there is none. */
static bool receive(struct sock *s)
{
	uint8_t bytes[READ_SIZE];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	union {
		struct sockaddr any;
		struct sockaddr_in6 in6;
	} from = { 0 };
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr mh = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s->fd, &mh, MSG_DONTWAIT);
	if (n < 0)
		return errno != EAGAIN && errno != EBADF; /* an error of the card is told once, and read away */
	struct vrrp_datagram d = { .msg = bytes, .len = (size_t)n };
	int err = s->family == AF_INET ? vrrp_pkt_ip4(bytes, (size_t)n, &d) : split6(&mh, &from.in6, &d);
	if (!err)
		take(s, &d);
	return true;
}

void sock_drain(struct sock *s)
{
	for (int i = 0; i < DRAIN_MAX && s->fd >= 0; i++)
		if (!receive(s))
			return;
}

/* ---- out ---- */

/* Those that send return 0 or -errno. */

static int send4(const struct inst *i, const struct lb_ip *to, const uint8_t *packet, size_t n)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	memcpy(&sa.sin_addr, to->b, 4);
	int flags = MSG_DONTWAIT | (i->wire.n_peers ? 0 : MSG_DONTROUTE);
	return sendto(i->sock->fd, packet, n, flags, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
}

static int send6(const struct inst *i, const struct lb_ip *to, uint8_t *message, size_t n)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)i->sock->index };
	struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)i->sock->index };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info))] = { 0 };
	struct iovec iov = { message, n };
	struct msghdr mh = { .msg_name = &sa,
		.msg_namelen = sizeof(sa),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	memcpy(&sa.sin6_addr, to->b, 16);
	memcpy(&info.ipi6_addr, i->wire.source.b, 16);
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(i->sock->fd, &mh, MSG_DONTWAIT | (i->wire.n_peers ? 0 : MSG_DONTROUTE)) < 0 ? -errno : 0;
}

/* The same signature goes to all peers: it covers no destination, and a number may be used only once. */
static size_t sign(struct inst *i, uint8_t *message, size_t n, uint8_t trailer[VRRP_TRAILER], bool first)
{
	if (first) {
		size_t total = vrrp_auth_sign(&i->conf.auth, &i->wire.source, lb_clock_wall_ms() * 1000, message, n);
		if (total > n)
			memcpy(trailer, message + n, VRRP_TRAILER);
		return total;
	}
	if (i->conf.auth.mode < VRRP_AUTH_PERMISSIVE)
		return n;
	memcpy(message + n, trailer, VRRP_TRAILER);
	return n + VRRP_TRAILER;
}

/* From the virtual hardware address, as a frame: who has it must be known to every switch on the way (RFC 9568 7.2).
 * The card sends it, so it needs no device that is up, and a word before the end is possible. */
static int send_frame(const struct inst *i, const struct lb_ip *to, uint8_t *frame, size_t head, size_t n)
{
	uint8_t *packet = frame + VRRP_ETHER, *message = packet + head;
	vrrp_pkt_ether(i->wire.family, i->mac.address, frame);
	if (i->wire.family == AF_INET6) {
		vrrp_pkt_ip6_header(&i->wire.source, to, n, packet);
		vrrp_pkt_sum6(&i->wire.source, to, message, n);
	} else {
		vrrp_pkt_ip4_header(&i->wire.source, to, i->ip_id, n, packet);
	}
	return vip_frame_send(i->w->net, i->sock->card, frame, VRRP_ETHER + head + n);
}

static int send_packet(const struct inst *i, const struct lb_ip *to, uint8_t *packet, size_t head, size_t n)
{
	if (i->wire.family == AF_INET) {
		vrrp_pkt_ip4_header(&i->wire.source, to, i->ip_id, n, packet);
		return send4(i, to, packet, head + n);
	}
	vrrp_pkt_sum6(&i->wire.source, to, packet + head, n);
	return send6(i, to, packet + head, n);
}

/* err 0: it left for everybody; else to: one for whom it did not. A single one may be lost, as on the way, and of a
 * card that goes down we are told a moment later. */
static void note_unsent(struct inst *i, const struct lb_ip *to, int err)
{
	char text[VRRP_REASON_MAX], ip[LB_IP_STRLEN];
	i->unsent = err ? i->unsent + 1 : 0;
	if (i->unsent < UNSENT_ALARM)
		return;
	snprintf(text, sizeof(text), "to %s: %s", lb_ip_str(to, ip), strerror(-err));
	sock_alarm(i, VRRP_ALARM_UNSENT, VRRP_QUIET_DOWNS * vrrp_down_us(&i->fsm), text);
}

void sock_advert(struct inst *i, uint8_t prio)
{
	uint8_t frame[VRRP_ETHER + VRRP_IP6_HEADER + VRRP_PKT_MAX], trailer[VRRP_TRAILER] = { 0 };
	size_t head = i->wire.family == AF_INET ? VRRP_IP4_HEADER : VRRP_IP6_HEADER;
	uint8_t *packet = frame + VRRP_ETHER, *message = packet + head;
	const struct lb_ip group = vrrp_group_address(i->wire.family);
	const struct lb_ip *to = i->wire.n_peers ? i->wire.peers : &group;
	size_t n_to = i->wire.n_peers ? i->wire.n_peers : 1;
	if (!i->sock || i->sock->fd < 0 || !i->wire.source.family)
		return;
	const struct lb_ip *unsent = NULL;
	int err = 0;
	bool sent = false;
	for (size_t k = 0; k < n_to; k++) {
		size_t n = vrrp_pkt_write(&i->wire, prio, &to[k], message);
		n = sign(i, message, n, trailer, k == 0);
		i->ip_id++;
		int rc;
		if (inst_has_mac(i) && !i->wire.n_peers)
			rc = send_frame(i, &to[k], frame, head, n);
		else /* to single peers as everything else goes to them: the way there is not ours to find */
			rc = send_packet(i, &to[k], packet, head, n);
		if (rc) {
			unsent = &to[k];
			err = rc;
		}
		sent |= rc == 0;
	}
	i->stats.sent += sent;
	note_unsent(i, unsent, err);
}
