/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/examples.h"

const struct lb_example lb_examples[] = {
	{ LB_COMMAND_STATUS, "lbctl status --check || lbctl doctor" },
	{ LB_COMMAND_TOP, "lbctl top backend --sort active" },
	{ LB_COMMAND_DOCTOR, "lbctl doctor" },
	{ LB_COMMAND_SUPPORT, "lbctl support --anonymize --out /tmp/lbd-support.tar" },
	{ LB_COMMAND_SERVICE_LIST, "lbctl service list -o wide" },
	{ LB_COMMAND_SERVICE_SHOW, "lbctl service show web" },
	{ LB_COMMAND_SERVICE_STATS, "lbctl service stats web --rate" },
	{ LB_COMMAND_SERVICE_ENABLE, "lbctl service enable web" },
	{ LB_COMMAND_SERVICE_MAINT, "lbctl service maint web --for 30m --reason move" },
	{ LB_COMMAND_SERVICE_ZERO, "lbctl service zero web" },
	{ LB_COMMAND_BACKEND_LIST, "lbctl backend list web" },
	{ LB_COMMAND_BACKEND_SHOW, "lbctl backend show web/app1" },
	{ LB_COMMAND_BACKEND_STATS, "lbctl backend stats web -o tsv" },
	{ LB_COMMAND_BACKEND_ENABLE, "lbctl backend enable 'web/*' -y" },
	{ LB_COMMAND_BACKEND_DRAIN, "lbctl backend drain web/app1 --for 30m --reason upgrade" },
	{ LB_COMMAND_BACKEND_MAINT, "lbctl backend maint web/app1" },
	{ LB_COMMAND_BACKEND_WEIGHT, "lbctl backend weight web/app1 50%" },
	{ LB_COMMAND_BACKEND_FORCE, "lbctl backend force web/app1 down --for 10m" },
	{ LB_COMMAND_CHECK_LIST, "lbctl check list" },
	{ LB_COMMAND_CHECK_SHOW, "lbctl check show tcp" },
	{ LB_COMMAND_CHECK_HISTORY, "lbctl check history web/app1 --last 20" },
	{ LB_COMMAND_CHECK_RUN, "lbctl check run web/app1" },
	{ LB_COMMAND_CONN_LIST, "lbctl conn list --client 10.0.0.0/8" },
	{ LB_COMMAND_CONN_COUNT, "lbctl conn count --service web" },
	{ LB_COMMAND_CONN_KILL, "lbctl conn kill --backend web/app1 -y" },
	{ LB_COMMAND_VRRP_LIST, "lbctl vrrp list" },
	{ LB_COMMAND_VRRP_SHOW, "lbctl vrrp show wan4" },
	{ LB_COMMAND_VRRP_RESIGN, "lbctl vrrp resign wan4 --wait" },
	{ LB_COMMAND_VRRP_ANNOUNCE, "lbctl vrrp announce wan4" },
	{ LB_COMMAND_VRRP_PRIORITY, "lbctl vrrp priority wan4 200 --for 1h" },
	{ LB_COMMAND_FAILOVER, "lbctl failover --wait" },
	{ LB_COMMAND_PEER_STATUS, "lbctl peer status" },
	{ LB_COMMAND_PEER_DIFF, "lbctl peer diff" },
	{ LB_COMMAND_SYNC_STATUS, "lbctl sync status" },
	{ LB_COMMAND_SYNC_RESYNC, "lbctl sync resync" },
	{ LB_COMMAND_SYNC_PAUSE, "lbctl sync pause ipvs" },
	{ LB_COMMAND_SYNC_RESUME, "lbctl sync resume" },
	{ LB_COMMAND_CONFIG_CHECK, "lbctl config check /etc/lbd/lbd.yaml" },
	{ LB_COMMAND_CONFIG_SHOW, "lbctl config show --effective" },
	{ LB_COMMAND_CONFIG_DIFF, "lbctl config diff --ops" },
	{ LB_COMMAND_CONFIG_APPLY, "lbctl config apply -y --confirm 2m -m \"one more server\"" },
	{ LB_COMMAND_CONFIG_CONFIRM, "lbctl config confirm" },
	{ LB_COMMAND_CONFIG_ROLLBACK, "lbctl config rollback -y" },
	{ LB_COMMAND_CONFIG_HISTORY, "lbctl config history" },
	{ LB_COMMAND_CONFIG_SCHEMA, "lbctl config schema > lbd.schema.json" },
	{ LB_COMMAND_CONFIG_EXPORT, "lbctl config export ipvsadm > rules" },
	{ LB_COMMAND_CONFIG_IMPORT, "lbctl config import keepalived keepalived.conf > lbd.yaml" },
	{ LB_COMMAND_KERNEL_DIFF, "lbctl kernel diff" },
	{ LB_COMMAND_KERNEL_REPAIR, "lbctl kernel repair" },
	{ LB_COMMAND_LOG_LEVEL, "lbctl log level check debug --for 10m" },
	{ LB_COMMAND_DAEMON_INFO, "lbctl daemon info" },
	{ LB_COMMAND_DAEMON_RELOAD, "lbctl daemon reload" },
	{ LB_COMMAND_DAEMON_RESTART, "lbctl daemon restart --wait" },
	{ LB_COMMAND_DAEMON_STOP, "lbctl daemon stop -y" },
	{ LB_COMMAND_METRICS, "lbctl metrics lbd_backend" },
	{ LB_COMMAND_WATCH, "lbctl watch backend service --since 10m" },
	{ LB_COMMAND_WAIT, "lbctl wait backend/web/app1 up -t 30s" },
	{ LB_COMMAND_VERSION, "lbctl version" },
	{ LB_COMMAND_COMPLETION, "lbctl completion bash > /etc/bash_completion.d/lbctl" },
	{ LB_COMMAND_HELP, "lbctl help backend drain" },
};
const size_t lb_examples_n = sizeof(lb_examples) / sizeof(lb_examples[0]);

const char *lb_example_of(const struct lb_command *cmd)
{
	for (size_t i = 0; i < lb_examples_n; i++)
		if (lb_examples[i].id == lb_command_id(cmd))
			return lb_examples[i].line;
	return NULL;
}
