/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comes before each unit test in a build with sanitizers. check notes the place of every assertion that holds, so that
 * it can tell the last one before a signal; with sanitizers the stack says where, and the notes of a test that asserts
 * a million times were half of its time. */
#pragma once
#include <check.h>
#define _mark_point(file, line) ((void)0)
