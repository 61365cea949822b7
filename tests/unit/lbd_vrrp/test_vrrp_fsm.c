/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_fsm.h"
#include "tests/unit/lbd_vrrp/vrrp_words.h"

#include <check.h>

/*
 * The instance is 10.9.0.2 with priority 100 and 1 s of version 3: skew 609.375 ms, down interval 3609.375 ms. It
 * begins each story at 0 as INIT    nothing has happened BACKUP  started at 0, nobody was heard: the down timer is at
 * 3609.375 MASTER  became it at 0: the next advert is at 1000 FAULT   since 0 One ';' in `want` for each in `steps`;
 * '-' = nothing is to be done. `deadline` in ms, NEVER, or UNSET.
 */
#define NEVER     1e15
#define UNSET     -1e15
#define TAKE_OVER "advert 100, addrs on, announce, "

struct row {
	const char *what;
	const char *with;
	enum vrrp_state from;
	const char *steps, *want;
	enum vrrp_state to;
	double deadline;
};

#define INIT   VRRP_STATE_INIT
#define BACKUP VRRP_STATE_BACKUP
#define MASTER VRRP_STATE_MASTER
#define FAULT  VRRP_STATE_FAULT

static const struct row init_rows[] = {
	{ "starting waits a down interval", "", INIT, "0 start", "init started", BACKUP, 3609.375 },
	{ "an owner is master at once", "prio=255", INIT, "0 start", "advert 255, addrs on, announce, init started",
		MASTER, 1000 },
	{ "an owner that its group holds is not", "prio=255 held", INIT, "0 start", "init started", BACKUP, 3003.906 },
	{ "version 2: the skew is of a second, whatever the interval", "v2 interval=500", INIT, "0 start",
		"init started", BACKUP, 15609.375 },
	{ "version 3: of the interval", "interval=10", INIT, "0 start", "init started", BACKUP, 360.937 },
	{ "the startup delay comes first", "startup=5000", INIT, "0 start; 4999 timer", "-; -", INIT, 5000 },
	{ "and ends in BACKUP", "startup=5000", INIT, "0 start; 5000 timer", "-; init started", BACKUP, 8609.375 },
	{ "or, for an owner, as MASTER", "startup=5000 prio=255", INIT, "0 start; 5000 timer",
		"-; advert 255, addrs on, announce, init started", MASTER, 6000 },
	{ "a second start does not begin the delay again", "startup=5000", INIT, "0 start; 3000 start", "-; -", INIT,
		5000 },
	{ "a timer before the start is nobody's", "", INIT, "0 timer", "-", INIT, UNSET },
	{ "deaf and dumb before it begins", "startup=5000", INIT,
		"0 start; 1 advert 0 1; 2 advert 50 1; 3 join; 4 yield 9000; 5 slept 9000", "-; -; -; -; -; -", INIT,
		5000 },
	{ "a priority set meanwhile counts", "startup=5000", INIT, "0 start; 1 prio 200; 5000 timer",
		"-; -; init started", BACKUP, 8218.75 },
	{ "a source set meanwhile decides ties", "startup=5000 prio=255", INIT,
		"0 start; 1 source 9; 5000 timer; 5500 advert 255 8",
		"-; -; advert 255, addrs on, announce, init started; advert 255, announce, two_owners on", MASTER,
		6500 },
	{ "a fault before the start", "", INIT, "0 fault; 1 start", "-; init fault", FAULT, NEVER },
	{ "a fault that ends before the delay does", "startup=5000", INIT, "0 start; 1 fault; 2 ok; 5000 timer",
		"-; -; -; init started", BACKUP, 8609.375 },
	{ "an owner that has resigned starts as BACKUP", "prio=255", INIT, "0 resign; 0 start", "-; init started",
		BACKUP, 3003.906 },
	{ "armed before it begins", "startup=1000", INIT, "0 start; 1 arm 5000; 1000 timer; 1001 advert 0 1",
		"-; -; init started; " TAKE_OVER "backup planned", MASTER, 2001 },
	{ "the peer's word from before it begins", "startup=1000", INIT,
		"0 start; 999 peer 9000 200 1; 1000 timer; 4609.375 timer", "-; -; init started; vrrp_path_down on",
		BACKUP, 5609.375 },
	{ "rules replaced while it waits", "startup=5000", INIT, "0 start; 1 rules interval=200; 5000 timer",
		"-; -; init started", BACKUP, 12218.75 },
	{ "it was master a moment ago: listens for little more than an interval", "startup=5000", INIT, "0 resume",
		"init started", BACKUP, 1250 },
	{ "and goes on", "", INIT, "0 resume; 1250 timer", "init started; " TAKE_OVER "backup resumed", MASTER, 2250 },
	{ "asleep meanwhile: it listens again", "", INIT, "0 resume; 900 slept 5000; 1250 timer", "init started; -; -",
		BACKUP, 2150 },
	{ "somebody else is master by now", "", INIT, "0 resume; 900 advert 150 1; 1250 timer", "init started; -; -",
		BACKUP, 4509.375 },
	{ "somebody worse is: preempted as ever", "", INIT, "0 resume; 900 advert 50 1; 1250 timer",
		"init started; -; " TAKE_OVER "backup resumed", MASTER, 2250 },
	{ "or obeyed as ever", "nopreempt", INIT, "0 resume; 900 advert 50 1; 1250 timer", "init started; -; -", BACKUP,
		4509.375 },
	{ "the peer says over the second path that it is", "", INIT, "0 resume; 900 peer 9000 200 1; 1250 timer",
		"init started; -; vrrp_path_down on", BACKUP, 2250 },
	{ "nothing to go on with in a fault", "", INIT, "0 fault; 1 resume", "-; init fault", FAULT, NEVER },
	{ "nor after a fault while it listens", "", INIT, "0 resume; 500 fault", "init started; backup fault", FAULT,
		NEVER },
	{ "nor for who has resigned", "", INIT, "0 resign; 0 resume", "-; init started", BACKUP, 3609.375 },
	{ "an owner waits for nobody", "prio=255", INIT, "0 resume", "advert 255, addrs on, announce, init started",
		MASTER, 1000 },
	{ "priority 0 while it listens: that one left, and it is next", "", INIT,
		"0 resume; 500 advert 0 1; 1109.375 timer", "init started; -; " TAKE_OVER "backup left", MASTER,
		2109.375 },
	{ "stopped while it listens", "", INIT, "0 resume; 500 stop", "init started; backup stopped", INIT, NEVER },
	{ "its group cannot", "held", INIT, "0 resume; 1250 timer", "init started; -", BACKUP, 4859.375 },
	{ "rules replaced while it listens", "", INIT, "0 resume; 1000 rules interval=200", "init started; -", BACKUP,
		2500 },
	{ "told to give up while it listens", "", INIT, "0 resume; 1000 resign; 1250 timer", "init started; -; -",
		BACKUP, 4609.375 },
	{ "stopped before it began", "startup=5000", INIT, "0 start; 1 stop; 5000 timer", "-; -; -", INIT, NEVER },
};

static const struct row backup_rows[] = {
	{ "silence for the down interval", "", BACKUP, "3609.375 timer", TAKE_OVER "backup no_advert", MASTER,
		4609.375 },
	{ "a timer that is early is not believed", "", BACKUP, "3609.374 timer", "-", BACKUP, 3609.375 },
	{ "an advert of the same priority", "", BACKUP, "1000 advert 100 1", "-", BACKUP, 4609.375 },
	{ "a better one teaches its interval", "", BACKUP, "1000 advert 150 1 200", "-", BACKUP, 8218.75 },
	{ "our own interval again as MASTER", "", BACKUP, "1000 advert 150 1 200; 8218.75 timer",
		"-; " TAKE_OVER "backup no_advert", MASTER, 9218.75 },
	{ "version 2 learns none", "v2", BACKUP, "1000 advert 150 1 200", "-", BACKUP, 4609.375 },
	{ "a lower one while we preempt: the timer goes on", "", BACKUP, "1000 advert 50 1", "-", BACKUP, 3609.375 },
	{ "and runs out", "", BACKUP, "1000 advert 50 1; 3609.375 timer", "-; " TAKE_OVER "backup no_advert", MASTER,
		4609.375 },
	{ "an owner where we are none: not two of them", "", BACKUP, "1000 advert 255 1", "-", BACKUP, 4609.375 },
	{ "a lower one without preempting is obeyed", "nopreempt", BACKUP, "1000 advert 50 1", "-", BACKUP, 4609.375 },
	{ "an owner preempts all the same", "nopreempt prio=255", BACKUP, "1000 advert 50 1", "-", BACKUP, 3003.906 },
	{ "and knows no delay", "delay=5000 prio=255", BACKUP, "1000 advert 50 1", "-", BACKUP, 3003.906 },
	{ "while the preempt delay runs a lower one is obeyed", "delay=5000", BACKUP,
		"1000 advert 50 1; 5999 advert 50 1", "-; -", BACKUP, 9608.375 },
	{ "afterwards no longer", "delay=5000", BACKUP, "1000 advert 50 1; 5999 advert 50 1; 6000 advert 50 1",
		"-; -; -", BACKUP, 9608.375 },
	{ "a better one between starts the delay anew", "delay=5000", BACKUP,
		"1000 advert 50 1; 4000 advert 150 3; 6000 advert 50 1; 8000 advert 50 1", "-; -; -; -", BACKUP,
		11609.375 },
	{ "so does a fault", "delay=5000", BACKUP, "1000 advert 50 1; 2000 fault; 3000 ok; 6100 advert 50 1",
		"-; backup fault; fault recovered; -", BACKUP, 9709.375 },
	{ "priority 0: the skew is left", "", BACKUP, "1000 advert 0 1; 1609.375 timer", "-; " TAKE_OVER "backup left",
		MASTER, 2609.375 },
	{ "of the master's interval", "", BACKUP, "1000 advert 150 1 200; 2000 advert 0 1 200", "-; -", BACKUP,
		3218.75 },
	{ "priority 0 again does not put us off", "", BACKUP, "1000 advert 0 1; 1500 advert 0 1", "-; -", BACKUP,
		1609.375 },
	{ "the skew of it is waited, though silence would have been over before", "", BACKUP, "3500 advert 0 1", "-",
		BACKUP, 4109.375 },
	{ "an advert after priority 0 is a new master", "", BACKUP, "1000 advert 0 1; 1100 advert 150 3", "-; -",
		BACKUP, 4709.375 },
	{ "armed, and the master leaves", "", BACKUP, "0 arm 2000; 2000 advert 0 1", "-; " TAKE_OVER "backup planned",
		MASTER, 3000 },
	{ "armed, but too long ago", "", BACKUP, "0 arm 2000; 2000.001 advert 0 1", "-; -", BACKUP, 2609.376 },
	{ "armed once is for one time", "", BACKUP, "0 arm 9000; 10 advert 0 1; 20 yield 0; 30 advert 0 1",
		"-; " TAKE_OVER "backup planned; addrs off, master group; -", BACKUP, 639.375 },
	{ "armed, but its group cannot", "held", BACKUP, "0 arm 2000; 2000 advert 0 1", "-; -", BACKUP, 2609.375 },
	{ "armed alone does nothing", "", BACKUP, "0 arm 2000; 1000 timer", "-; -", BACKUP, 3609.375 },
	{ "its group cannot: another down interval", "held", BACKUP, "3609.375 timer", "-", BACKUP, 7218.75 },
	{ "a priority that grew brings the timer forward", "", BACKUP, "1000 prio 200", "-", BACKUP, 3218.75 },
	{ "one that shrank puts it off", "", BACKUP, "1000 prio 50", "-", BACKUP, 3804.687 },
	{ "the same is nothing", "", BACKUP, "1000 prio 100", "-", BACKUP, 3609.375 },
	{ "never into the past", "", BACKUP, "3600 prio 200", "-", BACKUP, 3600 },
	{ "who is no longer below us is obeyed: its silence begins now", "", BACKUP, "1000 advert 90 1; 3000 prio 80",
		"-; -", BACKUP, 6687.5 },
	{ "who still is is not", "", BACKUP, "1000 advert 50 1; 3000 prio 80", "-; -", BACKUP, 3687.5 },
	{ "the best of them counts", "", BACKUP, "1000 advert 50 1; 1500 advert 90 3; 1600 advert 50 1; 3000 prio 80",
		"-; -; -; -", BACKUP, 6687.5 },
	{ "no longer an owner: no longer two", "prio=255", BACKUP, "1000 advert 255 1; 1500 prio 100",
		"two_owners on; two_owners off", BACKUP, 4609.375 },
	{ "two owners, until somebody else speaks", "prio=255", BACKUP, "1000 advert 255 1; 2000 advert 100 3",
		"two_owners on; two_owners off", BACKUP, 4003.906 },
	{ "our address tells nothing", "", BACKUP, "1000 source 9", "-", BACKUP, 3609.375 },
	{ "a fault", "", BACKUP, "1000 fault", "backup fault", FAULT, NEVER },
	{ "no fault is no event", "", BACKUP, "1000 ok", "-", BACKUP, 3609.375 },
	{ "who has resigned does not preempt", "", BACKUP, "1000 resign; 2000 advert 50 1", "-; -", BACKUP, 5609.375 },
	{ "an owner neither", "prio=255", BACKUP, "1000 resign; 2000 advert 50 1", "-; -", BACKUP, 5003.906 },
	{ "not even whom it was about to", "", BACKUP, "1000 advert 50 1; 3000 resign", "-; -", BACKUP, 6609.375 },
	{ "but takes over from silence", "", BACKUP, "1000 resign; 3609.375 timer", "-; " TAKE_OVER "backup no_advert",
		MASTER, 4609.375 },
	{ "and is then as before", "", BACKUP, "1000 resign; 3609.375 timer; 4000 yield 0; 4500 advert 50 1",
		"-; " TAKE_OVER "backup no_advert; addrs off, master group; -", BACKUP, 7609.375 },
	{ "silence while the peer is well is an alarm", "", BACKUP, "3000 peer 2000 150 1; 3609.375 timer",
		"-; vrrp_path_down on", BACKUP, 4609.375 },
	{ "looked at again when its word ends", "", BACKUP, "3000 peer 1000 150 1; 3609.375 timer",
		"-; vrrp_path_down on", BACKUP, 4000 },
	{ "then it is silence", "", BACKUP, "3000 peer 1000 150 1; 3609.375 timer; 4000 timer",
		"-; vrrp_path_down on; " TAKE_OVER "backup no_advert, vrrp_path_down off", MASTER, 5000 },
	{ "its word renewed", "", BACKUP, "3000 peer 1000 150 1; 3609.375 timer; 3800 peer 1000 150 1; 4000 timer",
		"-; vrrp_path_down on; -; -", BACKUP, 4800 },
	{ "taken back, with nothing heard: as priority 0", "", BACKUP,
		"3000 peer 2000 150 1; 3609.375 timer; 3700 nopeer 150 1", "-; vrrp_path_down on; -", BACKUP,
		4309.375 },
	{ "and then we take over", "", BACKUP,
		"3000 peer 9000 150 1; 3609.375 timer; 3700 nopeer 150 1; 4309.375 timer",
		"-; vrrp_path_down on; -; " TAKE_OVER "backup no_advert, vrrp_path_down off", MASTER, 5309.375 },
	{ "somebody else's word does not take it back", "", BACKUP,
		"3000 peer 2000 150 1; 3609.375 timer; 3700 nopeer 90 3", "-; vrrp_path_down on; -", BACKUP, 4609.375 },
	{ "nor does it where that one has said the same meanwhile", "", BACKUP,
		"3000 peer 2000 150 1; 3609.375 timer; 3700 peer 2000 90 3; 3715 nopeer 90 3; 4609.375 timer",
		"-; vrrp_path_down on; -; -; -", BACKUP, 5000 },
	{ "the new master speaks before the old one takes its word back", "", BACKUP,
		"3000 peer 2000 150 1; 3609.375 timer; 3700 peer 2000 90 3; 3701 nopeer 150 1; 4609.375 timer",
		"-; vrrp_path_down on; -; -; -", BACKUP, 5609.375 },
	{ "taken back while adverts come", "", BACKUP, "1000 peer 2000 150 1; 1100 nopeer 150 1", "-; -", BACKUP,
		3609.375 },
	{ "an advert ends the alarm", "", BACKUP, "3000 peer 2000 150 1; 3609.375 timer; 3700 advert 150 1",
		"-; vrrp_path_down on; vrrp_path_down off", BACKUP, 7309.375 },
	{ "a peer that left on this path does not hold us", "", BACKUP,
		"1000 peer 2000 150 1; 1001 advert 0 1; 1610.375 timer", "-; -; " TAKE_OVER "backup left", MASTER,
		2610.375 },
	{ "nor one that we heard and preempt", "", BACKUP, "3000 advert 50 1; 3001 peer 2000 50 1; 3609.375 timer",
		"-; -; " TAKE_OVER "backup no_advert", MASTER, 4609.375 },
	{ "a fault ends the alarm", "", BACKUP, "3000 peer 2000 150 1; 3609.375 timer; 3700 fault",
		"-; vrrp_path_down on; backup fault, vrrp_path_down off", FAULT, NEVER },
	{ "more than an interval late: not believed", "", BACKUP, "4609.376 timer", "-", BACKUP, 8218.751 },
	{ "an interval late is", "", BACKUP, "4609.375 timer", TAKE_OVER "backup no_advert", MASTER, 5609.375 },
	{ "the machine slept: what was said meanwhile was lost", "", BACKUP, "3000 slept 5000; 3609.375 timer", "-; -",
		BACKUP, 6609.375 },
	{ "less than an interval: of what is said one was lost at most", "", BACKUP, "3000 slept 1000", "-", BACKUP,
		3609.375 },
	{ "late twice is believed", "", BACKUP, "5000 timer; 12000 timer", "-; " TAKE_OVER "backup no_advert", MASTER,
		13000 },
	{ "unless an advert came between", "", BACKUP, "5000 timer; 6000 advert 150 1; 12000 timer", "-; -; -", BACKUP,
		15609.375 },
	{ "or a timer that was in time", "", BACKUP, "5000 timer; 8000 peer 9000 150 1; 8609.375 timer; 11000 timer",
		"-; -; vrrp_path_down on; -", BACKUP, 14609.375 },
	{ "the group goes master", "", BACKUP, "1000 join", TAKE_OVER "backup group", MASTER, 2000 },
	{ "the group goes backup: wait anew", "", BACKUP, "1000 yield 0", "-", BACKUP, 4609.375 },
	{ "and as long as the sender's down interval", "", BACKUP, "1000 yield 9000", "-", BACKUP, 10000 },
	{ "rules that changed nothing", "", BACKUP, "1000 rules interval=100", "-", BACKUP, 3609.375 },
	{ "our interval, while nobody was heard", "", BACKUP, "1000 rules interval=200", "-", BACKUP, 7218.75 },
	{ "a shorter one does not reach into the past", "", BACKUP, "3000 rules interval=10", "-", BACKUP, 3000 },
	{ "an interval that was learned stays", "", BACKUP, "1000 advert 150 1 200; 1001 rules interval=50", "-; -",
		BACKUP, 8218.75 },
	{ "not beyond a fault", "", BACKUP, "1000 advert 150 1 200; 2000 fault; 3000 ok",
		"-; backup fault; fault recovered", BACKUP, 6609.375 },
	{ "nor that of a master whose place we took meanwhile", "", BACKUP,
		"1000 advert 150 1; 4609.375 timer; 4700 resign; 4800 rules interval=200",
		"-; " TAKE_OVER "backup no_advert; advert 0, addrs off, master resigned; -", BACKUP, 11918.75 },
	{ "in version 2 ours is that of all", "v2", BACKUP, "1000 advert 150 1; 1001 rules interval=200", "-; -",
		BACKUP, 7609.375 },
	{ "after priority 0 in version 2 the interval is nothing", "v2", BACKUP, "0 advert 0 1; 1 rules interval=20000",
		"-; -", BACKUP, 609.375 },
	{ "and the priority is what it always is", "v2", BACKUP, "0 advert 0 1; 1 prio 200", "-; -", BACKUP, 218.75 },
	{ "not preempting any longer: whom we passed over is obeyed", "", BACKUP,
		"1000 advert 50 1; 3000 rules nopreempt", "-; -", BACKUP, 6609.375 },
	{ "a shorter preempt delay counts at once", "delay=60000", BACKUP,
		"1000 advert 50 1; 2000 rules delay=500; 2600 advert 50 1", "-; -; -", BACKUP, 4609.375 },
	{ "a longer one does not", "delay=1000", BACKUP, "1000 advert 50 1; 1500 rules delay=9000; 2600 advert 50 1",
		"-; -; -", BACKUP, 4609.375 },
	{ "started twice", "", BACKUP, "1000 start", "-", BACKUP, 3609.375 },
	{ "stopped", "", BACKUP, "1000 stop; 5000 timer", "backup stopped; -", INIT, NEVER },
};

static const struct row master_rows[] = {
	{ "an advert every interval", "", MASTER, "1000 timer; 2000 timer", "advert 100; advert 100", MASTER, 3000 },
	{ "a timer that is early", "", MASTER, "999 timer", "-", MASTER, 1000 },
	{ "a higher priority", "", MASTER, "500 advert 150 1", "advert 100, addrs off, master better", BACKUP,
		4109.375 },
	{ "its interval counts from then on", "", MASTER, "500 advert 150 1 200",
		"advert 100, addrs off, master better", BACKUP, 7718.75 },
	{ "nopreempt does not protect a master", "nopreempt", MASTER, "500 advert 101 1",
		"advert 100, addrs off, master better", BACKUP, 4109.375 },
	{ "the same and a higher address", "", MASTER, "500 advert 100 3", "advert 100, addrs off, master better",
		BACKUP, 4109.375 },
	{ "the same and a lower address", "", MASTER, "500 advert 100 1", "advert 100, announce", MASTER, 1500 },
	{ "addresses are numbers, not signed ones", "source=127", MASTER, "500 advert 100 128",
		"advert 100, addrs off, master better", BACKUP, 4109.375 },
	{ "a lower priority", "", MASTER, "500 advert 50 3", "advert 100, announce", MASTER, 1500 },
	{ "too soon after our own: put off to the tenth", "", MASTER, "99 advert 50 3; 100 timer",
		"announce; advert 100", MASTER, 1100 },
	{ "many: one reply per tenth, one announcing per interval", "", MASTER,
		"500 advert 50 3; 501 advert 50 3; 599 advert 50 3; 600 advert 50 3; 650 advert 50 3; 700 timer",
		"advert 100, announce; -; -; advert 100; -; advert 100", MASTER, 1700 },
	{ "a tenth that has grown does not put off what was due before", "", MASTER,
		"50 advert 50 3; 60 rules interval=200; 70 advert 50 3", "announce; -; -", MASTER, 100 },
	{ "it does not yield", "", MASTER, "500 advert 50 3; 1499 advert 50 3; 1500 advert 50 3",
		"advert 100, announce; advert 100; announce, two_masters on", MASTER, 1599 },
	{ "met again after a down interval: another meeting", "", MASTER,
		"500 advert 50 3; 1500 timer; 2500 timer; 3500 timer; 4200 advert 50 3",
		"advert 100, announce; advert 100; advert 100; advert 100; advert 100, announce", MASTER, 5200 },
	{ "one before it yielded was another one, too, and what was announced then is void", "", MASTER,
		"500 advert 50 3; 600 advert 150 1; 650 arm 9000; 700 advert 0 1; 900 advert 50 3; 1600 advert 50 3",
		"advert 100, announce; advert 100, addrs off, master better; -; " TAKE_OVER "backup planned; "
		"advert 100, announce; advert 100",
		MASTER, 2600 },
	{ "not met for a down interval ends the alarm", "", MASTER,
		"500 advert 50 3; 1500 advert 50 3; 2500 timer; 3500 timer; 4500 timer; 5200 timer; 5500 timer",
		"advert 100, announce; advert 100, announce, two_masters on; advert 100; advert 100; advert 100; -; "
		"advert 100, two_masters off",
		MASTER, 6500 },
	{ "yielding ends it, too", "", MASTER, "500 advert 50 3; 1500 advert 50 3; 1600 advert 150 1",
		"advert 100, announce; advert 100, announce, two_masters on; advert 100, addrs off, master better, "
		"two_masters off",
		BACKUP, 5209.375 },
	{ "priority 0: we are here", "", MASTER, "500 advert 0 3", "advert 100, announce", MASTER, 1500 },
	{ "again and again: each leaves, none is a second master", "", MASTER,
		"500 advert 0 3; 1500 advert 0 3; 2500 advert 0 3",
		"advert 100, announce; advert 100, announce; advert 100, announce", MASTER, 3500 },
	{ "forged many times: ten per interval", "", MASTER,
		"500 advert 0 3; 510 advert 0 3; 520 advert 0 3; 590 advert 0 3; 600 timer; 601 advert 0 3",
		"advert 100, announce; -; -; -; advert 100; -", MASTER, 700 },
	{ "our own address and priority: only an alarm", "", MASTER, "500 advert 100 2", "same_address on", MASTER,
		1000 },
	{ "which ends", "", MASTER, "500 advert 100 2; 1000 timer; 2000 timer; 3000 timer; 4000 timer; 5000 timer",
		"same_address on; advert 100; advert 100; advert 100; advert 100; advert 100, same_address off", MASTER,
		6000 },
	{ "two owners: the lower address yields", "prio=255", MASTER, "500 advert 255 3",
		"advert 255, addrs off, master better, two_owners on", BACKUP, 3503.906 },
	{ "and the higher one stays", "prio=255", MASTER, "500 advert 255 1", "advert 255, announce, two_owners on",
		MASTER, 1500 },
	{ "two at once: the alarm stays on when it yields to the second", "prio=255", MASTER,
		"500 advert 255 1; 600 advert 255 3",
		"advert 255, announce, two_owners on; advert 255, addrs off, master better", BACKUP, 3603.906 },
	{ "until it is the only one", "prio=255", MASTER, "500 advert 255 1; 1500 prio 254",
		"advert 255, announce, two_owners on; two_owners off", MASTER, 1500 },
	{ "a new priority is in the next advert", "", MASTER, "500 prio 150; 1000 timer", "-; advert 150", MASTER,
		2000 },
	{ "a new address decides ties", "", MASTER, "500 source 9; 600 advert 100 8", "-; advert 100, announce", MASTER,
		1600 },
	{ "a fault", "", MASTER, "500 fault", "advert 0, addrs off, master fault", FAULT, NEVER },
	{ "no fault", "", MASTER, "500 ok", "-", MASTER, 1000 },
	{ "resigning", "", MASTER, "500 resign", "advert 0, addrs off, master resigned", BACKUP, 4109.375 },
	{ "and not coming back over a lower one", "", MASTER, "500 resign; 1000 advert 50 3",
		"advert 0, addrs off, master resigned; -", BACKUP, 4609.375 },
	{ "arming a master is nothing", "", MASTER, "500 arm 1000", "-", MASTER, 1000 },
	{ "the peer is master with a better claim", "", MASTER, "500 peer 2000 150 1",
		"advert 100, addrs off, master peer", BACKUP, 4109.375 },
	{ "and holds us when nothing is heard", "", MASTER, "500 peer 4000 150 1; 4109.375 timer",
		"advert 100, addrs off, master peer; vrrp_path_down on", BACKUP, 4500 },
	{ "the peer is master with a worse claim, and does not yield", "", MASTER,
		"500 peer 2000 50 1; 1000 timer; 1499 peer 2000 50 1; 1500 peer 2000 50 1",
		"-; advert 100; -; two_masters on", MASTER, 2000 },
	{ "the peer is not master", "", MASTER, "500 nopeer 150 1", "-", MASTER, 1000 },
	{ "its older word, when it has just left", "", BACKUP,
		"0 advert 150 1; 100 arm 9000; 500 advert 0 1; 749 peer 2000 150 1",
		"-; -; " TAKE_OVER "backup planned; -", MASTER, 1500 },
	{ "half an interval later it would be said again: two masters never last for one", "", BACKUP,
		"0 advert 150 1; 100 arm 9000; 500 advert 0 1; 501 peer 2000 150 1; 750 peer 2000 150 1",
		"-; -; " TAKE_OVER "backup planned; -; advert 100, addrs off, master peer", BACKUP, 4359.375 },
	{ "the word of another one is believed at once", "", MASTER, "100 peer 2000 150 1",
		"advert 100, addrs off, master peer", BACKUP, 3709.375 },
	{ "the group goes master", "", MASTER, "500 join", "-", MASTER, 1000 },
	{ "the group goes backup, without a word", "", MASTER, "500 yield 0", "addrs off, master group", BACKUP,
		4109.375 },
	{ "of its own accord, with one", "", MASTER, "500 leave 0", "advert 0, addrs off, master group", BACKUP,
		4109.375 },
	{ "for as long as the sender needs", "", MASTER, "500 yield 9000", "addrs off, master group", BACKUP, 9500 },
	{ "rules that changed nothing", "", MASTER, "500 rules interval=100", "-", MASTER, 1000 },
	{ "a shorter interval brings the next advert forward", "", MASTER, "500 rules interval=10", "-", MASTER, 600 },
	{ "a longer one counts after the next advert", "", MASTER, "500 rules interval=300; 1000 timer",
		"-; advert 100", MASTER, 4000 },
	{ "late: not a word, and little more than an interval to hear somebody", "", MASTER, "4609.376 timer",
		"addrs off, master late", BACKUP, 5859.376 },
	{ "nobody is heard: it goes on", "", MASTER, "4609.376 timer; 5859.376 timer",
		"addrs off, master late; " TAKE_OVER "backup resumed", MASTER, 6859.376 },
	{ "somebody is: it follows", "", MASTER, "4609.376 timer; 5000 advert 150 1; 5859.376 timer",
		"addrs off, master late; -; -", BACKUP, 8609.375 },
	{ "not quite as late", "", MASTER, "4609.375 timer", "advert 100", MASTER, 5609.375 },
	{ "late, and an advert is what wakes us", "", MASTER, "9000 advert 150 1", "addrs off, master late", BACKUP,
		12609.375 },
	{ "late, and a lower one: preempted as by any backup", "", MASTER, "9000 advert 50 1", "addrs off, master late",
		BACKUP, 10250 },
	{ "late, and stopped: no priority 0", "", MASTER, "9000 stop", "addrs off, master late, backup stopped", INIT,
		NEVER },
	{ "late, and a fault", "", MASTER, "9000 fault", "addrs off, master late, backup fault", FAULT, NEVER },
	{ "late, and resigned", "", MASTER, "9000 resign; 9001 advert 50 1", "addrs off, master late; -", BACKUP,
		12610.375 },
	{ "late, and the group goes master", "", MASTER, "9000 join",
		"addrs off, master late, " TAKE_OVER "backup group", MASTER, 10000 },
	{ "the machine slept: as late as that", "", MASTER, "500 slept 4110", "addrs off, master late", BACKUP, 1750 },
	{ "it goes on when it hears nobody", "", MASTER, "500 slept 4110; 1750 timer",
		"addrs off, master late; " TAKE_OVER "backup resumed", MASTER, 2750 },
	{ "or obeys whoever became master", "", MASTER, "500 slept 4110; 600 advert 150 1", "addrs off, master late; -",
		BACKUP, 4209.375 },
	{ "not so long", "", MASTER, "500 slept 4109", "-", MASTER, 1000 },
	{ "late ends the alarms of a master", "", MASTER, "500 advert 100 2; 9000 timer",
		"same_address on; addrs off, master late, same_address off", BACKUP, 10250 },
	{ "started twice", "", MASTER, "500 start", "-", MASTER, 1000 },
	{ "stopped", "", MASTER, "500 stop; 1000 timer", "advert 0, addrs off, master stopped; -", INIT, NEVER },
	{ "stopping ends its alarms", "", MASTER, "500 advert 100 2; 600 stop",
		"same_address on; advert 0, addrs off, master stopped, same_address off", INIT, NEVER },
};

static const struct row fault_rows[] = {
	{ "over: a whole down interval", "", FAULT, "1000 ok", "fault recovered", BACKUP, 4609.375 },
	{ "for an owner, too", "prio=255", FAULT, "1000 ok", "fault recovered", BACKUP, 4003.906 },
	{ "another one", "", FAULT, "1000 fault", "-", FAULT, NEVER },
	{ "nothing that is received matters", "", FAULT, "1000 advert 0 1; 1001 advert 50 1; 1002 advert 150 1 300",
		"-; -; -", FAULT, NEVER },
	{ "nor time, nor the group", "", FAULT, "9000 timer; 9001 join; 9002 yield 0; 9003 start; 9004 slept 9000",
		"-; -; -; -; -", FAULT, NEVER },
	{ "a priority set meanwhile", "", FAULT, "1000 prio 200; 2000 ok", "-; fault recovered", BACKUP, 5218.75 },
	{ "an address set meanwhile", "", FAULT, "1000 source 9; 2000 ok; 2001 join; 2500 advert 100 8",
		"-; fault recovered; " TAKE_OVER "backup group; advert 100, announce", MASTER, 3500 },
	{ "resigned meanwhile", "", FAULT, "1000 resign; 2000 ok; 3000 advert 50 1", "-; fault recovered; -", BACKUP,
		6609.375 },
	{ "armed meanwhile", "", FAULT, "1000 arm 5000; 2000 ok; 3000 advert 0 1",
		"-; fault recovered; " TAKE_OVER "backup planned", MASTER, 4000 },
	{ "the peer's word from before", "", FAULT, "1000 peer 9000 150 1; 2000 ok; 5609.375 timer",
		"-; fault recovered; vrrp_path_down on", BACKUP, 6609.375 },
	{ "rules replaced meanwhile", "", FAULT, "1000 rules interval=200; 2000 ok", "-; fault recovered", BACKUP,
		9218.75 },
	{ "stopped", "", FAULT, "1000 stop; 2000 ok", "fault stopped; -", INIT, NEVER },
};

static bool stepped[VRRP_STATE_COUNT][VRRP_EVENT_COUNT]; /* which cells the rows have reached */

static void begin_as(struct vrrp *v, enum vrrp_state state)
{
	struct vrrp_acts acts;
	bool held = v->held;
	if (state == INIT)
		return;
	v->held = true; /* or an owner would not stay BACKUP */
	vrrp_step(v, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(0), &acts);
	v->held = held;
	if (state == MASTER)
		vrrp_step(v, &(struct vrrp_event){ .type = VRRP_EVENT_JOIN }, words_time(0), &acts);
	if (state == FAULT)
		vrrp_step(v, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT, .on = true }, words_time(0), &acts);
}

static void run_row(const struct row *r)
{
	struct vrrp v;
	char steps[512], got[1024] = "", *save = NULL;
	ck_assert_msg(words_vrrp(&v, r->with), "%s: not understood: %s", r->what, r->with);
	begin_as(&v, r->from);
	ck_assert_msg(v.state == r->from, "%s: begins as %s", r->what, vrrp_state_names[v.state]);
	snprintf(steps, sizeof(steps), "%s", r->steps);
	for (char *s = strtok_r(steps, ";", &save); s; s = strtok_r(NULL, ";", &save)) {
		struct vrrp_event ev;
		struct vrrp_acts acts = { .n = 99 };
		struct lb_time now = words_time(strtod(s, &s));
		ck_assert_msg(words_event(s, &v, &ev), "%s: not understood: %s", r->what, s);
		stepped[v.state][ev.type] = true;
		vrrp_step(&v, &ev, now, &acts);
		ck_assert_msg(acts.n <= VRRP_ACTS_MAX, "%s: %zu actions", r->what, acts.n);
		if (got[0])
			strcat(got, "; ");
		for (size_t i = 0; i < acts.n; i++)
			words_act(&acts.v[i], got, sizeof(got));
		if (acts.n == 0)
			strcat(got, "-");
	}
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: %s gave\n  %s\nnot\n  %s", r->what, r->steps, got, r->want);
	ck_assert_msg(v.state == r->to, "%s: %s ended as %s, not %s", r->what, r->steps, vrrp_state_names[v.state],
		vrrp_state_names[r->to]);
	/* the addresses that were left behind go when it does not listen any more */
	ck_assert_msg(!v.resuming || v.state == BACKUP, "%s: %s: still listens", r->what, r->steps);
	struct lb_time deadline = r->deadline >= NEVER   ? LB_TIME_NEVER
				  : r->deadline <= UNSET ? (struct lb_time){ 0 }
							 : words_time(r->deadline);
	ck_assert_msg(v.deadline.us == deadline.us, "%s: %s: deadline %.3f ms, not %.3f", r->what, r->steps,
		(double)(v.deadline.us - WORDS_BASE_US) / 1000, r->deadline);
}

#define RUN(rows)                                                                                                      \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++)                                                  \
	run_row(&(rows)[i])

START_TEST(from_init)
{
	RUN(init_rows);
}
END_TEST

START_TEST(from_backup)
{
	RUN(backup_rows);
}
END_TEST

START_TEST(from_master)
{
	RUN(master_rows);
}
END_TEST

START_TEST(from_fault)
{
	RUN(fault_rows);
}
END_TEST

START_TEST(every_event_in_every_state)
{
	RUN(init_rows);
	RUN(backup_rows);
	RUN(master_rows);
	RUN(fault_rows);
	for (unsigned s = 0; s < VRRP_STATE_COUNT; s++)
		for (unsigned e = 0; e < VRRP_EVENT_COUNT; e++)
			ck_assert_msg(stepped[s][e], "no row has event %u in state %s", e, vrrp_state_names[s]);
}
END_TEST

/* A host whose every timer comes 1.5 intervals late takes over within two down intervals and the lateness. */
START_TEST(always_late_takes_over)
{
	struct vrrp v;
	struct vrrp_acts acts;
	ck_assert(words_vrrp(&v, ""));
	begin_as(&v, BACKUP);
	int64_t down_us = vrrp_down_us(&v);
	struct lb_time now = words_time(0);
	for (int i = 0; i < 10 && v.state != MASTER; i++) {
		now.us = v.deadline.us + 1500000;
		vrrp_step(&v, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER }, now, &acts);
	}
	ck_assert_int_eq(v.state, MASTER);
	ck_assert_int_le(now.us - WORDS_BASE_US, 2 * down_us + 2 * 1500000);
}
END_TEST

/* Whatever is received at whatever rate, a master's adverts are never more than one interval apart, and at most eleven
 * fall into one. */
START_TEST(a_flood_neither_silences_nor_provokes)
{
	static const char *const floods[] = { "advert 0 3", "advert 50 3", "advert 100 1", "advert 100 2",
		"peer 1000 50 3", "prio 100", "rules interval=100", "source 2", "arm 1000", "ok", "join" };
	for (size_t f = 0; f < sizeof(floods) / sizeof(floods[0]); f++) {
		struct vrrp v;
		struct vrrp_event ev;
		struct vrrp_acts acts;
		ck_assert(words_vrrp(&v, ""));
		begin_as(&v, MASTER);
		int sent = 0, announced = 0;
		struct lb_time now = words_time(0), last = now;
		for (int i = 1; i <= 10000; i++) { /* one per ms, for ten intervals */
			now = words_time(i);
			ck_assert(words_event(floods[f], &v, &ev));
			for (int timer = 0; timer < 2; timer++) {
				if (timer)
					ev = (struct vrrp_event){ .type = VRRP_EVENT_TIMER };
				vrrp_step(&v, &ev, now, &acts);
				for (size_t k = 0; k < acts.n; k++) {
					announced += acts.v[k].type == VRRP_ACT_ANNOUNCE;
					if (acts.v[k].type != VRRP_ACT_ADVERT)
						continue;
					sent++;
					ck_assert_msg(now.us - last.us <= 1000000, "%s: silent for %lld us", floods[f],
						(long long)(now.us - last.us));
					last = now;
				}
			}
		}
		ck_assert_msg(v.state == MASTER && sent >= 10 && sent <= 101 && announced <= 10,
			"%s: %s, %d adverts, %d announcings", floods[f], vrrp_state_names[v.state], sent, announced);
	}
}
END_TEST

/* Soon after the machine started the clock is smaller than the longest interval. */
START_TEST(a_young_clock)
{
	struct vrrp v;
	struct vrrp_acts acts;
	struct vrrp_event ev = { .type = VRRP_EVENT_ADVERT, .prio = 50, .from = words_ip(9) };
	ck_assert(words_vrrp(&v, "interval=4095 prio=255"));
	vrrp_step(&v, &(struct vrrp_event){ .type = VRRP_EVENT_START }, (struct lb_time){ 1 }, &acts);
	vrrp_step(&v, &ev, (struct lb_time){ 5000000 }, &acts);
	ck_assert(acts.n == 2 && acts.v[0].type == VRRP_ACT_ADVERT && acts.v[1].type == VRRP_ACT_ANNOUNCE);
	vrrp_step(&v, &ev, (struct lb_time){ 40000000 }, &acts);
	ck_assert(acts.n == 1 && acts.v[0].type == VRRP_ACT_ADVERT);
}
END_TEST

START_TEST(skew_and_down_interval)
{
	static const struct {
		const char *what, *with;
		int64_t skew_us, down_us;
	} rows[] = {
		{ "version 3, 1 s, priority 100", "", 609375, 3609375 },
		{ "100 ms", "interval=10", 60937, 360937 },
		{ "10 ms", "interval=1", 6093, 36093 },
		{ "the longest interval and the lowest priority", "interval=4095 prio=1", 40790039, 163640039 },
		{ "an owner", "prio=255", 3906, 3003906 },
		{ "version 2: always of a second", "v2 interval=25500", 609375, 765609375 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vrrp v;
		ck_assert(words_vrrp(&v, rows[i].with));
		begin_as(&v, BACKUP);
		v.master_interval_cs = v.rules.interval_cs;
		ck_assert_msg(vrrp_skew_us(&v) == rows[i].skew_us && vrrp_down_us(&v) == rows[i].down_us,
			"%s: %lld, %lld", rows[i].what, (long long)vrrp_skew_us(&v), (long long)vrrp_down_us(&v));
	}
}
END_TEST

START_TEST(a_word_for_everything)
{
	for (unsigned i = 0; i < VRRP_STATE_COUNT; i++)
		ck_assert(vrrp_state_names[i] && vrrp_state_names[i][0]);
	for (unsigned i = 0; i < VRRP_CAUSE_COUNT; i++)
		ck_assert(vrrp_causes[i] && vrrp_causes[i][0]);
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++)
		ck_assert(vrrp_alarms[i] && vrrp_alarms[i][0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_fsm");
	TCase *t = tcase_create("all");
	tcase_add_test(t, from_init);
	tcase_add_test(t, from_backup);
	tcase_add_test(t, from_master);
	tcase_add_test(t, from_fault);
	tcase_add_test(t, every_event_in_every_state);
	tcase_add_test(t, always_late_takes_over);
	tcase_add_test(t, a_flood_neither_silences_nor_provokes);
	tcase_add_test(t, a_young_clock);
	tcase_add_test(t, skew_and_down_interval);
	tcase_add_test(t, a_word_for_everything);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
