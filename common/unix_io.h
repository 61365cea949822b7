/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix stream sockets whose other end is not trusted. What it passes with its bytes (SCM_RIGHTS) stays in its hands,
 * and whoever closes the last descriptor of it waits in the kernel for as long as the sender likes: a TCP socket that
 * lingers, a file of a file system in user space, a large one that is in no directory any more. Reading without room
 * for descriptors does not help, nor does leaving them unread: the kernel closes them in the name of who reads, or of
 * who closes the socket. So it is looked at before it is read, and a socket that has one is left to a child.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* To be called once for fd before anything is read: a byte out of band, which else is skipped unseen and closed with
 * what came with it, stands in its place as any other. */
void lb_unix_guard(int fd);

/* Reads at most n bytes, without waiting. > 0 bytes; 0 end of stream; -EAGAIN nothing there; -EBADMSG a descriptor
 * comes with these bytes: nothing was read, lb_unix_leave is what remains; -errno. */
ssize_t lb_unix_read(int fd, void *buf, size_t n);

/* Ends the conversation both ways and closes fd. What was written before is still read by the other end. Never waits:
 * where a descriptor is unread, a child has the socket last and closes it, which may take for ever, and a pidfd of that
 * child is returned (readable when it has ended; the caller's). Else -1. */
int lb_unix_leave(int fd);
