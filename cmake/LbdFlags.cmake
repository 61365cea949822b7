# SPDX-License-Identifier: GPL-2.0-or-later
# Compiler and linker flags: one interface library that everything links.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)

add_library(lbd_flags INTERFACE)
target_include_directories(lbd_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(lbd_flags INTERFACE _GNU_SOURCE LBD_VERSION="${PROJECT_VERSION}")
target_compile_options(lbd_flags INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
	-Wwrite-strings -Wformat=2 -Wvla -Wswitch-enum -Wundef -fno-strict-aliasing)
if(LBD_WERROR)
	target_compile_options(lbd_flags INTERFACE -Werror)
endif()

# Pure libraries decide about weights, lengths and times: silent narrowing is a bug there.
add_library(lbd_flags_pure INTERFACE)
target_link_libraries(lbd_flags_pure INTERFACE lbd_flags)
target_compile_options(lbd_flags_pure INTERFACE -Wconversion -Wno-sign-conversion)

if(LBD_SANITIZE)
	set(san -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_compile_options(lbd_flags INTERFACE ${san})
	target_link_options(lbd_flags INTERFACE ${san})
endif()
if(LBD_FUZZ)
	target_compile_options(lbd_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(LBD_COVERAGE)
	target_compile_options(lbd_flags INTERFACE --coverage)
	target_link_options(lbd_flags INTERFACE --coverage)
endif()
if(LBD_HARDEN)
	target_compile_options(lbd_flags INTERFACE
		-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection)
	target_link_options(lbd_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
	set(CMAKE_POSITION_INDEPENDENT_CODE ON)
	include(CheckPIESupported)
	check_pie_supported()
endif()
