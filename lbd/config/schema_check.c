/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a health check. What a type has beyond address and timing is a param of its spec (check_param.h). */
#include "lbd/config/schema.h"

#include <string.h>

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define DAYS(n)   ((n)*INT64_C(86400000))
#define ONLY(t)   (1u << CHECK_TYPE_##t)
#define HTTP      (ONLY(HTTP) | ONLY(HTTPS))
#define MAIL      (ONLY(SMTP) | ONLY(IMAP) | ONLY(POP3))
#define WITH_TLS  (ONLY(HTTPS) | ONLY(TLS) | MAIL | ONLY(LDAP) | ONLY(FTP))
#define BYTES     (ONLY(TCP) | ONLY(UDP))
#define WEIGHED   (HTTP | ONLY(AGENT) | ONLY(SCRIPT) | ONLY(FILE))
#define WITH_PORT (~(ONLY(ICMP) | ONLY(FILE)))
#define NETWORK   (~(ONLY(SCRIPT) | ONLY(FILE)))

static const char *pick(const char *const *words, size_t n, size_t i, int64_t *value)
{
	*value = (int64_t)i;
	return i < n ? words[i] : NULL;
}

static const char *word_check(size_t i, int64_t *value)
{
	*value = (int64_t)i;
	return i < CHECK_TYPE_COUNT ? check_types[i].name : NULL;
}

static const char *word_http(size_t i, int64_t *value)
{
	static const char *const t[] = { "1.1", "2" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_tls(size_t i, int64_t *value)
{
	static const char *const t[] = { "off", "starttls", "implicit" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_tls_version(size_t i, int64_t *value)
{
	static const char *const t[] = { "1.2", "1.3" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_rcode(size_t i, int64_t *value)
{
	static const char *const t[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_transport(size_t i, int64_t *value)
{
	static const char *const t[] = { "udp", "tcp" };
	return pick(t, COUNT(t), i, value);
}

static const char *word_from(size_t i, int64_t *value)
{
	static const char *const t[] = { "exit", "output", "header", "json", "line" };
	return pick(t, COUNT(t), i, value);
}

const struct schema_row schema_check_rows[] = {
	[CHECK_KEY_TYPE] = { .name = "type",
		.type = SCHEMA_TYPE_WORD,
		.noun = "check type",
		.word = word_check,
		.absent = "the name of the check, if that is a type",
		.help = "How the backend is probed. An agent, a file, and the output of a script say it in the words "
			"of "
			"HAProxy's agents: up or ready; down, fail, failed, stopped or maint, which are all down until "
			"another word comes; drain; a weight or a share of it (50%), of several the last. maxconn:N is "
			"passed over." },
	[CHECK_KEY_ADDRESS] = { .name = "address",
		.type = SCHEMA_TYPE_ADDRESS,
		.absent = "the address of the backend",
		.help = "The address that is probed." },
	[CHECK_KEY_PORT] = { .name = "port",
		.type = SCHEMA_TYPE_UINT,
		.only = WITH_PORT,
		.min = 1,
		.max = 65535,
		.absent = "the port of the backend, else of the listener",
		.help = "The port that is probed. It is one: where a backend has the ports of several listeners, that "
			"of the lowest address." },
	[CHECK_KEY_SOURCE] = { .name = "source",
		.type = SCHEMA_TYPE_ADDRESS,
		.only = NETWORK,
		.absent = "the kernel's choice",
		.help = "The address of this host that probes leave from, of the family of the backends." },
	[CHECK_KEY_INTERFACE] = { .name = "interface",
		.type = SCHEMA_TYPE_TEXT,
		.param = CHECK_PARAM_INTERFACE,
		.only = NETWORK,
		.min = 1,
		.max = 15,
		.absent = "by the routes",
		.help = "The network interface that probes leave through." },
	[CHECK_KEY_INTERVAL] = { .name = "interval",
		.type = SCHEMA_TYPE_DURATION,
		.min = 100,
		.max = DAYS(1),
		.fallback = "2s",
		.help = "From one probe to the next while the backend is up." },
	[CHECK_KEY_INTERVAL_DOWN] = { .name = "interval_down",
		.type = SCHEMA_TYPE_DURATION,
		.min = 100,
		.max = DAYS(1),
		.absent = "the value of interval",
		.help = "The same while the backend is down." },
	[CHECK_KEY_TIMEOUT] = { .name = "timeout",
		.type = SCHEMA_TYPE_DURATION,
		.min = 10,
		.max = DAYS(1),
		.fallback = "1s",
		.help = "How long the whole probe may take. A check of type udp without expect passes when until then "
			"no error comes; it has 4s unless this says otherwise, because for 3s the kernel looks for a "
			"host that is gone." },
	[CHECK_KEY_RISE] = { .name = "rise",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 1000,
		.fallback = "2",
		.help = "Probes in a row that must pass before a backend that was down is up." },
	[CHECK_KEY_FALL] = { .name = "fall",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 1000,
		.fallback = "3",
		.help = "Probes in a row that must fail before a backend that was up is down." },
	[CHECK_KEY_DAMPING] = { .name = "damping",
		.type = SCHEMA_TYPE_OBJECT,
		.flags = SCHEMA_OFF,
		.of = SCHEMA_DAMPING,
		.absent = "off",
		.help = "Keeps a backend that goes up and down again and again out until it is calm." },
	[CHECK_KEY_WEIGHT] = { .name = "weight",
		.type = SCHEMA_TYPE_OBJECT,
		.only = WEIGHED,
		.of = SCHEMA_WEIGHT,
		.absent = "the backend says nothing about its weight",
		.help = "The backend's own word on its weight: a number, or a share of the configured weight." },
	[CHECK_KEY_SEND] = { .name = "send",
		.type = SCHEMA_TYPE_TEXT,
		.flags = SCHEMA_SECRET,
		.param = CHECK_PARAM_SEND,
		.only = BYTES | ONLY(AGENT),
		.min = 1,
		.max = 4096,
		.absent = "nothing is sent",
		.help = "Text sent once the connection is open. Write escapes such as \\\\r\\\\n in double quotes." },
	[CHECK_KEY_SEND_HEX] = { .name = "send_hex",
		.type = SCHEMA_TYPE_HEX,
		.flags = SCHEMA_SECRET,
		.param = CHECK_PARAM_SEND,
		.only = BYTES,
		.min = 1,
		.max = 4096,
		.absent = "see send",
		.help = "The same as hexadecimal bytes." },
	[CHECK_KEY_EXPECT] = { .name = "expect",
		.type = SCHEMA_TYPE_TEXT,
		.param = CHECK_PARAM_EXPECT,
		.only = BYTES,
		.min = 1,
		.max = 4096,
		.absent = "any answer will do",
		.help = "Text that must occur in the answer." },
	[CHECK_KEY_EXPECT_HEX] = { .name = "expect_hex",
		.type = SCHEMA_TYPE_HEX,
		.param = CHECK_PARAM_EXPECT,
		.only = BYTES,
		.min = 1,
		.max = 4096,
		.absent = "see expect",
		.help = "The same as hexadecimal bytes." },
	[CHECK_KEY_EXPECT_REGEX] = { .name = "expect_regex",
		.type = SCHEMA_TYPE_REGEX,
		.param = CHECK_PARAM_EXPECT_REGEX,
		.only = BYTES,
		.min = 1,
		.max = 1024,
		.absent = "any answer will do",
		.help = "A regular expression (PCRE2) that the answer must match." },
	[CHECK_KEY_METHOD] = { .name = "method",
		.type = SCHEMA_TYPE_TOKEN,
		.param = CHECK_PARAM_METHOD,
		.only = HTTP,
		.min = 1,
		.max = 32,
		.fallback = "GET",
		.help = "The method of the request." },
	[CHECK_KEY_PATH] = { .name = "path",
		.type = SCHEMA_TYPE_PATH,
		.flags = SCHEMA_QUERY,
		.param = CHECK_PARAM_PATH,
		.only = HTTP | ONLY(SCRIPT) | ONLY(FILE),
		.min = 1,
		.max = 1024,
		.absent = "/ for http and https, otherwise required",
		.help = "The path of the request, with its query; or the program; or the file." },
	[CHECK_KEY_BASE] = { .name = "base",
		.type = SCHEMA_TYPE_TEXT,
		.param = CHECK_PARAM_PATH,
		.only = ONLY(LDAP),
		.min = 1,
		.max = 1024,
		.absent = "the root entry",
		.help = "The entry that must be there." },
	[CHECK_KEY_HOST] = { .name = "host",
		.type = SCHEMA_TYPE_TOKEN,
		.param = CHECK_PARAM_HOST,
		.only = ONLY(HTTP) | WITH_TLS,
		.min = 1,
		.max = 253,
		.absent = "the address",
		.help = "The Host header, the name asked for in the TLS handshake, and the name the certificate must "
			"have." },
	[CHECK_KEY_HEADERS] = { .name = "headers",
		.type = SCHEMA_TYPE_MAP,
		.flags = SCHEMA_SECRET,
		.param = CHECK_PARAM_HEADER,
		.only = HTTP,
		.max = 32,
		.absent = "none",
		.help = "Further headers of the request." },
	[CHECK_KEY_DATA] = { .name = "data",
		.type = SCHEMA_TYPE_TEXT,
		.flags = SCHEMA_SECRET,
		.param = CHECK_PARAM_DATA,
		.only = HTTP,
		.min = 1,
		.max = 4096,
		.absent = "none",
		.help = "The body of the request." },
	[CHECK_KEY_STATUS] = { .name = "status",
		.type = SCHEMA_TYPE_STATUS,
		.flags = SCHEMA_LIST,
		.param = CHECK_PARAM_STATUS,
		.only = HTTP,
		.fallback = "200-399",
		.help = "Status codes that pass, and ranges of them. Redirects are not followed." },
	[CHECK_KEY_BODY] = { .name = "body",
		.type = SCHEMA_TYPE_TEXT,
		.param = CHECK_PARAM_BODY,
		.only = HTTP,
		.min = 1,
		.max = 4096,
		.absent = "any",
		.help = "Text that must occur in the body of the answer." },
	[CHECK_KEY_BODY_REGEX] = { .name = "body_regex",
		.type = SCHEMA_TYPE_REGEX,
		.param = CHECK_PARAM_BODY_REGEX,
		.only = HTTP,
		.min = 1,
		.max = 1024,
		.absent = "any",
		.help = "A regular expression (PCRE2) that the body must match." },
	[CHECK_KEY_MAX_BODY] = { .name = "max_body",
		.type = SCHEMA_TYPE_SIZE,
		.param = CHECK_PARAM_MAX_BODY,
		.only = HTTP,
		.min = 1,
		.max = 1 << 20,
		.fallback = "64KiB",
		.help = "How much of the body is looked at." },
	[CHECK_KEY_HTTP_VERSION] = { .name = "http_version",
		.type = SCHEMA_TYPE_WORD,
		.noun = "HTTP version",
		.param = CHECK_PARAM_HTTP_VERSION,
		.only = HTTP,
		.word = word_http,
		.fallback = "1.1",
		.help = "The version of HTTP that is spoken." },
	[CHECK_KEY_TLS] = { .name = "tls",
		.type = SCHEMA_TYPE_OBJECT,
		.only = WITH_TLS,
		.of = SCHEMA_TLS,
		.absent = "for https and tls its defaults, otherwise off",
		.help = "How TLS is spoken and what the certificate must be." },
	[CHECK_KEY_QUERY] = { .name = "query",
		.type = SCHEMA_TYPE_TEXT,
		.param = CHECK_PARAM_QUERY,
		.only = ONLY(DNS),
		.min = 1,
		.max = 270,
		.absent = "required for dns",
		.help = "The name that is asked for, and the type of record after a blank: `example.com AAAA`. A "
			"without." },
	[CHECK_KEY_ANSWER] = { .name = "answer",
		.type = SCHEMA_TYPE_TEXT,
		.flags = SCHEMA_LIST,
		.param = CHECK_PARAM_ANSWER,
		.only = ONLY(DNS),
		.min = 1,
		.max = 255,
		.absent = "any",
		.help = "Each of these must be among the answers." },
	[CHECK_KEY_RCODE] = { .name = "rcode",
		.type = SCHEMA_TYPE_WORD,
		.noun = "response code",
		.param = CHECK_PARAM_RCODE,
		.only = ONLY(DNS),
		.word = word_rcode,
		.fallback = "NOERROR",
		.help = "The response code that passes." },
	[CHECK_KEY_TRANSPORT] = { .name = "transport",
		.type = SCHEMA_TYPE_WORD,
		.noun = "transport",
		.param = CHECK_PARAM_TRANSPORT,
		.only = ONLY(DNS),
		.word = word_transport,
		.fallback = "udp",
		.help = "How the query travels. An answer that is cut off over udp is asked for again over tcp." },
	[CHECK_KEY_ARGS] = { .name = "args",
		.type = SCHEMA_TYPE_TEXT,
		.flags = SCHEMA_LIST | SCHEMA_SECRET,
		.param = CHECK_PARAM_ARG,
		.only = ONLY(SCRIPT),
		.max = 1024,
		.absent = "none",
		.help = "Arguments of the program; %a becomes the address, %p the port, %% a percent sign." },
};

const struct schema_row schema_tls_rows[] = {
	[TLS_MODE] = { .name = "mode",
		.type = SCHEMA_TYPE_WORD,
		.noun = "TLS mode",
		.param = CHECK_PARAM_TLS_MODE,
		.only = MAIL | ONLY(LDAP) | ONLY(FTP),
		.word = word_tls,
		.absent = "required where the protocol has both ways",
		.help = "starttls: the connection is upgraded; implicit: TLS from the first byte." },
	[TLS_VERIFY] = { .name = "verify",
		.type = SCHEMA_TYPE_BOOL,
		.param = CHECK_PARAM_TLS_VERIFY,
		.fallback = "true",
		.help = "Whether the certificate must be valid, issued by a known authority, and for this host." },
	[TLS_CA_FILE] = { .name = "ca_file",
		.type = SCHEMA_TYPE_PATH,
		.param = CHECK_PARAM_TLS_CA,
		.min = 1,
		.max = 1024,
		.absent = "those of the system: /etc/ssl/certs/ca-certificates.crt, or where Fedora, RHEL and SUSE "
			  "keep them",
		.help = "The authorities that are known, as PEM. When the file changes, the next probe reads it "
			"again." },
	[TLS_CERT_FILE] = { .name = "cert_file",
		.type = SCHEMA_TYPE_PATH,
		.param = CHECK_PARAM_TLS_CERT,
		.min = 1,
		.max = 1024,
		.absent = "none",
		.help = "The certificate that the probe shows, as PEM; each probe reads it. The user lbd-probe must be "
			"able "
			"to read it." },
	[TLS_KEY_FILE] = { .name = "key_file",
		.type = SCHEMA_TYPE_PATH,
		.param = CHECK_PARAM_TLS_KEY,
		.min = 1,
		.max = 1024,
		.absent = "in cert_file",
		.help = "Its key." },
	[TLS_MIN_VERSION] = { .name = "min_version",
		.type = SCHEMA_TYPE_WORD,
		.noun = "TLS version",
		.param = CHECK_PARAM_TLS_MIN,
		.word = word_tls_version,
		.fallback = "1.2",
		.help = "Older versions fail the check." },
};

const struct schema_row schema_weight_rows[] = {
	[WEIGHT_FROM] = { .name = "from",
		.type = SCHEMA_TYPE_WORD,
		.noun = "source of a weight",
		.param = CHECK_PARAM_WEIGHT_FROM,
		.word = word_from,
		.absent = "the line of an agent or a file; required for the other types",
		.help = "Where it stands: the exit code or the output of a script, a header or a JSON field of an HTTP "
			"answer." },
	[WEIGHT_NAME] = { .name = "name",
		.type = SCHEMA_TYPE_TOKEN,
		.param = CHECK_PARAM_WEIGHT_NAME,
		.only = HTTP,
		.min = 1,
		.max = 128,
		.absent = "required for header and json",
		.help = "The name of the header, or the path of the field: load.free." },
	[WEIGHT_MIN] = { .name = "min",
		.type = SCHEMA_TYPE_UINT,
		.param = CHECK_PARAM_WEIGHT_MIN,
		.min = 0,
		.max = 65535,
		.absent = "0",
		.help = "The least value that is taken; a smaller one becomes this, but for the word drain, which is "
			"0." },
	[WEIGHT_MAX] = { .name = "max",
		.type = SCHEMA_TYPE_UINT,
		.param = CHECK_PARAM_WEIGHT_MAX,
		.min = 0,
		.max = 65535,
		.absent = "65535",
		.help = "The largest value that is taken." },
	[WEIGHT_SMOOTH] = { .name = "smooth",
		.type = SCHEMA_TYPE_UINT,
		.param = CHECK_PARAM_WEIGHT_SMOOTH,
		.min = 1,
		.max = 100,
		.absent = "1",
		.help = "Over so many values the weight is averaged." },
};

const struct schema_row schema_damping_rows[] = {
	[DAMPING_SUPPRESS] = { .name = "suppress",
		.type = SCHEMA_TYPE_UINT,
		.min = 1,
		.max = 100,
		.fallback = "3",
		.help = "So many falls within about a half_life keep the backend out." },
	[DAMPING_HALF_LIFE] = { .name = "half_life",
		.type = SCHEMA_TYPE_DURATION,
		.min = 1000,
		.max = DAYS(1),
		.fallback = "1m",
		.help = "The time in which the penalty of past falls halves. Each fall adds 1; the backend may come "
			"back "
			"when 1 is left." },
};

_Static_assert(COUNT(schema_check_rows) == CHECK_KEY_COUNT, "one row per key");
_Static_assert(COUNT(schema_tls_rows) == TLS_COUNT, "one row per key");
_Static_assert(COUNT(schema_weight_rows) == WEIGHT_COUNT, "one row per key");
_Static_assert(COUNT(schema_damping_rows) == DAMPING_COUNT, "one row per key");
