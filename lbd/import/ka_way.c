/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/import/ka.h"
